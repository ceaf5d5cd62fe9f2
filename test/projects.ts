import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";

/** What starts a server, a container or an engine. */
const starts = /^sandbox\/(docker|engine|plugin-host|postgres|project)\//;

/** Folders whose tests run a whole command, by its name rather than by an import. */
const whole = /^test\/(e2e|examples|faults|sandbox|upgrade)\//;

/** The test files that import, directly or not, nothing that starts a server, a container or an engine. */
export function unitFiles(root: string): string[] {
  const light = new Map<string, boolean>();
  const isLight = (path: string): boolean => {
    const known = light.get(path);
    if (known !== undefined) return known;
    // A circle is as light as the rest of it.
    light.set(path, true);
    const found = !starts.test(path) && importsOf(root, path).every(isLight);
    light.set(path, found);
    return found;
  };
  return globSync("test/**/*.test.ts", { cwd: root }).filter((path) => !whole.test(path) && isLight(path));
}

/** The test files that replace modules, which needs modules that no other file has loaded. */
export function mockingFiles(root: string): string[] {
  return globSync("test/**/*.test.ts", { cwd: root }).filter((path) =>
    readFileSync(resolve(root, path), "utf8").includes("vi.mock("),
  );
}

/** The project's own files that a file imports, relative to `root`. */
function importsOf(root: string, path: string): string[] {
  const text = readFileSync(resolve(root, path), "utf8");
  return [...text.matchAll(/\b(?:from|import)[ (]"(\.[^"]+)"/g)]
    .map(([, specifier]) => relative(root, resolve(root, dirname(path), specifier as string)))
    .filter((file) => file.endsWith(".ts") && existsSync(resolve(root, file)));
}
