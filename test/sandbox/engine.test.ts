import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, expect, test, vi } from "vitest";
import { findEngine, pinnedVersion } from "../../sandbox/engine/engine.ts";
import { temporaryFolder, until } from "./temporary.ts";

const pinned = pinnedVersion().version;

// The tests must not download an engine.
beforeEach(() => void vi.stubGlobal("fetch", () => Promise.reject(new Error("no network"))));

/** An environment whose PATH contains only these commands, given as shell scripts. */
async function machine(commands: Record<string, string>) {
  const folder = await temporaryFolder();
  const bin = join(folder, "bin");
  for (const [name, script] of Object.entries(commands)) await command(join(bin, name), script);
  const env = { PATH: bin, HOME: folder };
  const told: string[] = [];
  return {
    bin,
    cache: join(folder, ".cache/app-roles/engine"),
    env,
    told,
    find: () => findEngine(env, (line) => told.push(line)),
  };
}

async function command(file: string, script: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
}

/** A fake Go: its build creates a CLI that prints the version, and appends a line to `builds`. */
const go = `
echo build >>"$HOME/builds"
echo some/package >&2
while [ "$1" != -o ]; do shift; done
printf '#!/bin/sh\\necho v${pinned}\\n' >"$2"
/bin/chmod +x "$2"`;

test("uses the pulumi on the PATH if it is recent enough", async () => {
  const { bin, find, told } = await machine({ pulumi: "echo v3.230.1", go });
  expect(await find()).toEqual({ bin, version: "3.230.1", hasLanguageHost: false });
  expect(told).toEqual([]);
});

test("finds Pulumi's own language host next to the engine", async () => {
  const { find } = await machine({ pulumi: "echo v3.230.1", "pulumi-language-nodejs": "" });
  expect((await find()).hasLanguageHost).toBe(true);
});

test.each([
  ["too old", "echo v3.219.9", "is v3.219.9; the sandbox needs 3.220.0 or later"],
  ["broken", "echo 'no such library' >&2; exit 127", "does not run (no such library)"],
])("reports and ignores a pulumi on the PATH that is %s", async (_, pulumi, said) => {
  const { find, cache, told } = await machine({ pulumi, go });
  const { bin, version } = await find();
  expect({ version, inCache: bin.startsWith(cache) }).toEqual({ version: pinned, inCache: true });
  expect(told[0]).toContain(said);
});

test("builds the engine once, even for several concurrent starts", async () => {
  const { env, find, told } = await machine({ go: `${go}\n/bin/sleep 0.5` });
  const [one, other] = await Promise.all([find(), find()]);
  expect(one).toEqual(other);
  expect(await find()).toEqual(one);
  expect(await readFile(join(env.HOME, "builds"), "utf8")).toBe("build\n");
  expect(told).toContain("waiting for another process that is installing Pulumi");
});

test("uses the cache folder in SANDBOX_CACHE", async () => {
  const { env } = await machine({ go });
  const cache = await temporaryFolder();
  const { bin } = await findEngine({ ...env, SANDBOX_CACHE: cache }, () => undefined);
  expect(bin.startsWith(cache)).toBe(true);
});

test("a failing build shows Go's output and leaves no partial engine", async () => {
  const { bin, cache, find } = await machine({ go: `${go}\necho 'some/package: undefined: x' >&2; exit 1` });
  await expect(find()).rejects.toThrow(/failed \(exit code 1\):[\s\S]*some\/package: undefined: x/);
  expect((await readdir(cache)).filter((entry) => !entry.endsWith(".lock"))).toEqual([]);
  await command(join(bin, "go"), go);
  expect((await find()).version).toBe(pinned);
});

test("the next start repeats a killed build", async () => {
  const { bin, cache, env, find } = await machine({ go: `${go}\necho $$ >"$HOME/pid"\nexec /bin/sleep 60` });
  const engine = fileURLToPath(new URL("../../sandbox/engine/engine.ts", import.meta.url));
  const script = `import { findEngine } from ${JSON.stringify(engine)}; await findEngine();`;
  const start = spawn(process.execPath, ["--input-type=module", "-e", script], { env, stdio: "ignore" });
  await until(() => existsSync(join(env.HOME, "pid")));
  start.kill("SIGKILL");
  await command(join(bin, "go"), go);
  expect((await find()).version).toBe(pinned);
  expect((await readdir(cache)).filter((entry) => entry.includes("partial"))).toEqual([]);
  process.kill(Number(await readFile(join(env.HOME, "pid"), "utf8")));
});

test("names the software to install if there is no way to get an engine", async () => {
  const { find } = await machine({});
  await expect(find()).rejects.toThrow(/pulumi >= 3\.220\.0 is not on the PATH.*Install Pulumi.*Go 1\.26/s);
});
