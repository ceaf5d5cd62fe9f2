import module, { createRequire } from "node:module";

// @pulumi/pulumi imports them to serialize functions and to run the CLI, which this program does not do: a fifth of its CPU time.
const lazy = ["@npmcli/arborist", "execa", "js-yaml", "normalize-package-data", "typescript"];

const require = createRequire(createRequire(import.meta.url).resolve("@pulumi/pulumi"));
for (const name of lazy) postpone(name);

/** Loads the CommonJS module `name` at the first use of one of its exports. */
function postpone(name) {
  const file = resolved(name);
  if (file === undefined || require.cache[file]) return;
  const placeholder = new module.Module(file);
  let loaded;
  placeholder.exports = new Proxy(
    {},
    {
      get(_, key) {
        // Then TypeScript's __importStar uses this object and copies nothing.
        if (key === "__esModule") return true;
        if (!loaded) {
          delete require.cache[file];
          loaded = require(name);
        }
        // The default import of a CommonJS module is the module.
        return key === "default" && !loaded.__esModule ? loaded : loaded[key];
      },
    },
  );
  placeholder.loaded = true;
  require.cache[file] = placeholder;
}

/** Undefined if a version of @pulumi/pulumi no longer depends on it. */
function resolved(name) {
  try {
    return require.resolve(name);
  } catch (error) {
    if (error.code === "MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}
