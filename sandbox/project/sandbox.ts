import { randomBytes } from "node:crypto";
import { cp, mkdir, mkdtemp, readdir, realpath, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheDirectory } from "../cache.ts";
import { findEngine } from "../engine/engine.ts";
import { guard } from "../guard.ts";
import type { Postgres } from "../postgres/server.ts";
import { type Finished, run } from "../process.ts";
import { hostOwnPlugin, type PluginKind, placePlugins } from "./plugins.ts";
import { type ConfigPath, setInStackFile } from "./stack-file.ts";

const repository = fileURLToPath(new URL("../..", import.meta.url));

export interface SandboxOptions {
  /** The server that the stacks manage. It becomes the address for services and for the admin in their configuration. */
  postgres?: Pick<Postgres, "host" | "port" | "user" | "password">;
  /** Stacks to create. The first one is selected. @default ["prod"] */
  stacks?: string[];
  /**
   * Files that replace the project's, by path. A file in a folder replaces the project's whole folder: `policies/index.js`
   * creates a policy pack of that one file.
   */
  files?: Record<string, string>;
  /**
   * Whether the plugin pgaccess is a process of its own, as for users. Otherwise it runs in the plugin host, if there is one, with
   * the stand-ins. @default false; true if SANDBOX_PLUGINS is "official"
   */
  pluginProcess?: boolean | undefined;
}

/** A working copy of the project with its own engine, plugins, backend and secrets. */
export interface Sandbox {
  /** The folder of the copy. */
  readonly dir: string;
  /** The environment for `pulumi`, for commands that `pulumi()` does not start. */
  readonly env: NodeJS.ProcessEnv;
  /** The folder of the file backend, with the states and their backups. */
  readonly backend: string;
  /** For each plugin, whether it is official or the sandbox's stand-in. */
  readonly plugins: Record<string, PluginKind>;
  /**
   * Runs the Pulumi CLI to its end without prompts: `up` applies its changes. Rejects only if the CLI cannot be started.
   * `env` adds variables to the sandbox's environment; an undefined value removes one.
   */
  pulumi(args: string[], options?: { env?: NodeJS.ProcessEnv; cwd?: string; input?: string }): Promise<Finished>;
  /** Sets a value in a stack's configuration file, or removes it if undefined. @param stack default the first */
  setConfig(path: ConfigPath, value: unknown, stack?: string): Promise<void>;
  /** Sets a key of a stack's configuration as a secret. An object is stored as JSON. @param stack default the first */
  setSecret(key: string, value: unknown, stack?: string): Promise<void>;
  /** Removes everything. This also happens when this process ends for any reason, including kill -9. */
  remove(): Promise<void>;
}

/**
 * Creates a sandbox from the project's files. All are symbolic links except the stack configurations, which are copies with
 * the address of `postgres`. A sandbox writes only its own files and the cache, and several can run at the same time.
 */
export async function createSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { postgres, stacks = ["prod"], files = {} } = options;
  const { pluginProcess = process.env.SANDBOX_PLUGINS === "official" } = options;
  const engine = await findEngine();
  const root = await realpath(await mkdtemp(join(tmpdir(), "app-roles-sandbox-")));
  const guarded = guard(root);
  const [dir, home, backend] = ["project", "home", "backend"].map((name) => join(root, name)) as [
    string,
    string,
    string,
  ];
  const passphraseFile = join(root, "passphrase");

  try {
    await Promise.all([dir, home, backend].map((folder) => mkdir(folder)));
    await writeFile(passphraseFile, randomBytes(24).toString("hex"), { mode: 0o600 });
    await linkProject(dir, files, pluginProcess);
    const plugins = await placePlugins(home, engine, process.env);
    const env: NodeJS.ProcessEnv = {
      ...withoutPrefixes(process.env, ["PULUMI_", "PG"]),
      // The project's Node is first, since the engine's children need a Node that strips types.
      PATH: [join(repository, "node_modules/.bin"), engine.bin, process.env.PATH].join(delimiter),
      PULUMI_HOME: home,
      PULUMI_BACKEND_URL: `file://${backend}`,
      PULUMI_CONFIG_PASSPHRASE_FILE: passphraseFile,
      PULUMI_SKIP_UPDATE_CHECK: "true",
      // Every up starts six Node processes. Caching their compiled code saves a quarter of the time.
      NODE_COMPILE_CACHE: join(cacheDirectory(process.env), "compiled"),
      // Less garbage collection saves the engine a seventh of its CPU time.
      GOGC: "800",
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      ...(postgres && { PGPASSWORD: postgres.password }),
    };

    const pulumi: Sandbox["pulumi"] = (args, { env: more, cwd = dir, input } = {}) =>
      run(join(engine.bin, "pulumi"), [...args, "--non-interactive"], {
        cwd,
        env: { ...env, PULUMI_SKIP_CONFIRMATIONS: "true", NO_COLOR: "1", ...more },
        ...(input !== undefined && { input }),
      });
    const must = async (args: string[], input?: string): Promise<void> => {
      const { code, stdout, stderr } = await pulumi(args, input === undefined ? {} : { input });
      if (code !== 0) throw new Error(`pulumi ${args.join(" ")} failed (exit code ${code}):\n${stdout}${stderr}`);
    };
    const stackFile = (stack: string): string => join(dir, `Pulumi.${stack}.yaml`);
    const first = stacks[0] ?? "prod";

    for (const stack of stacks) {
      if (postgres) await setServer(postgres, stackFile(stack));
      await must(["stack", "init", stack, ...(stack === first ? [] : ["--no-select"])]);
    }
    return {
      dir,
      env,
      backend,
      plugins,
      pulumi,
      setConfig: (path, value, stack = first) => setInStackFile(stackFile(stack), path, value),
      setSecret: (key, value, stack = first) =>
        must(
          ["config", "set", "--secret", key, "--stack", stack],
          typeof value === "string" ? value : JSON.stringify(value),
        ),
      remove: guarded.end,
    };
  } catch (error) {
    await guarded.end();
    throw error;
  }
}

/**
 * Links every entry of the project except hidden ones. Copies the stack files, since the engine and tests change them, and
 * main.js: Node resolves a link before its imports, so a linked main.js would not load a replaced index.ts.
 */
async function linkProject(dir: string, files: Record<string, string>, pluginProcess: boolean): Promise<void> {
  const replaced = new Set(Object.keys(files).map((path) => path.split("/")[0]));
  for (const entry of await readdir(repository)) {
    if (entry.startsWith(".") || replaced.has(entry)) continue;
    const source = join(repository, entry);
    if (entry === "provider" && !pluginProcess && (await hostOwnPlugin(source, join(dir, entry)))) continue;
    if (/^Pulumi\..+\.yaml$|^main\.js$/.test(entry)) await cp(source, join(dir, entry));
    else await symlink(source, join(dir, entry));
  }
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), content);
  }
}

async function setServer(postgres: Pick<Postgres, "host" | "port" | "user">, file: string): Promise<void> {
  const { host, port, user } = postgres;
  await setInStackFile(file, "server", {
    host,
    port,
    admin: { host, port, user, database: "postgres", sslmode: "disable" },
  });
}

function withoutPrefixes(env: NodeJS.ProcessEnv, prefixes: string[]): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !prefixes.some((prefix) => name.startsWith(prefix))),
  );
}
