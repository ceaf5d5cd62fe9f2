import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { parse } from "yaml";
import { cacheDirectory } from "../../sandbox/cache.ts";
import { startPostgres } from "../../sandbox/postgres/server.ts";
import { createSandbox, type SandboxOptions } from "../../sandbox/project/sandbox.ts";
import { temporaryFolder } from "./temporary.ts";

const repository = fileURLToPath(new URL("../..", import.meta.url));

async function created(options?: SandboxOptions) {
  const sandbox = await createSandbox(options);
  onTestFinished(sandbox.remove);
  return sandbox;
}

test("runs the project's files with its own configuration, which contains its server's address", async () => {
  const postgres = await startPostgres();
  onTestFinished(postgres.stop);
  const before = await readFile(join(repository, "Pulumi.prod.yaml"), "utf8");
  const sandbox = await created({ postgres, stacks: ["staging", "prod"] });

  for (const file of ["Pulumi.yaml", "index.ts", "provider/main.ts", "policies", "node_modules"]) {
    expect(await realpath(join(sandbox.dir, file))).toBe(join(repository, file));
  }
  const { host, port } = postgres;
  for (const stack of ["prod", "staging"]) {
    const copy = await readFile(join(sandbox.dir, `Pulumi.${stack}.yaml`), "utf8");
    expect(parse(copy).config["app-roles:server"]).toEqual({
      host,
      port,
      admin: { host, port, user: "postgres", database: "postgres", sslmode: "disable" },
    });
    expect(copy).not.toContain(postgres.password);
  }
  expect(sandbox.env.PGPASSWORD).toBe(postgres.password);
  expect(await readFile(join(repository, "Pulumi.prod.yaml"), "utf8")).toBe(before);
  const stacks = JSON.parse((await sandbox.pulumi(["stack", "ls", "--json"])).stdout) as {
    name: string;
    current: boolean;
  }[];
  expect(stacks.map(({ name, current }) => [name, current])).toEqual([
    ["prod", false],
    ["staging", true],
  ]);
});

test("a configuration change keeps everything else, including comments", async () => {
  const sandbox = await created({
    files: {
      "Pulumi.prod.yaml":
        "# why\nconfig:\n  app-roles:services:\n    # the reader\n    api: {connectAs: legacy, pool: {max: 4}}\n",
    },
  });
  const file = join(sandbox.dir, "Pulumi.prod.yaml");
  await sandbox.setConfig("services.api.connectAs", "role");
  await sandbox.setConfig(["databases", "db", "keepOwner", "reporting.v_trips"], "refresher");
  await sandbox.setConfig("services.api.pool", undefined);
  const changed = await readFile(file, "utf8");
  expect(changed).toMatch(/^# why\n[\s\S]*# the reader\n/);
  expect(parse(changed).config).toEqual({
    "app-roles:services": { api: { connectAs: "role" } },
    "app-roles:databases": { db: { keepOwner: { "reporting.v_trips": "refresher" } } },
  });
});

test("a secret is stored encrypted and read back unchanged", async () => {
  const sandbox = await created();
  const value = { dashboard_api: { legacyUrl: "postgresql://postgres:s3cret@db/x" } };
  await sandbox.setSecret("serviceSecrets", value);
  expect(await readFile(join(sandbox.dir, "Pulumi.prod.yaml"), "utf8")).toMatch(
    /app-roles:serviceSecrets:\n\s+secure: v1:/,
  );
  expect(JSON.parse((await sandbox.pulumi(["config", "get", "serviceSecrets"])).stdout)).toEqual(value);
});

test("two sandboxes are independent, and a removed one leaves no file", async () => {
  const [one, other] = await Promise.all([created({ stacks: ["prod"] }), created({ stacks: ["staging"] })]);
  const names = async (sandbox: typeof one): Promise<string[]> =>
    (JSON.parse((await sandbox.pulumi(["stack", "ls", "--json"])).stdout) as { name: string }[]).map(
      ({ name }) => name,
    );
  expect([await names(one), await names(other)]).toEqual([["prod"], ["staging"]]);
  await one.remove();
  expect(existsSync(dirname(one.dir))).toBe(false);
  expect(await names(other)).toEqual(["staging"]);
});

test("ignores the user's Pulumi and Postgres environment variables", async () => {
  vi.stubEnv("PULUMI_ACCESS_TOKEN", "token");
  vi.stubEnv("PULUMI_STACK", "theirs");
  vi.stubEnv("PGHOST", "production");
  const { env } = await created({ stacks: [] });
  vi.unstubAllEnvs();
  expect([env.PULUMI_ACCESS_TOKEN, env.PULUMI_STACK, env.PGHOST]).toEqual([undefined, undefined, undefined]);
});

test("a stack that cannot be created is an error, and leaves no file", async () => {
  const folder = await temporaryFolder();
  vi.stubEnv("TMPDIR", folder);
  onTestFinished(() => void vi.unstubAllEnvs());
  await expect(createSandbox({ stacks: ["no spaces allowed"] })).rejects.toThrow(/pulumi stack init no spaces allowed/);
  expect(await readdir(folder)).toEqual([]);
});

describe("plugins", () => {
  const dependencies = JSON.parse(readFileSync(join(repository, "package.json"), "utf8")).dependencies;
  const shared = cacheDirectory();
  const official = `resource-random-v${dependencies["@pulumi/random"]}`;

  beforeEach(async () => {
    vi.stubGlobal("fetch", () => Promise.reject(new Error("no network")));
    vi.stubEnv("SANDBOX_PLUGINS", undefined);
    vi.stubEnv("PULUMI_HOME", undefined);
    vi.stubEnv("HOME", await temporaryFolder());
    // The engine exists already, so the cache contains only the test's downloads.
    const cache = await temporaryFolder();
    await symlink(join(shared, "engine"), join(cache, "engine"));
    vi.stubEnv("SANDBOX_CACHE", cache);
  });
  afterEach(() => void vi.unstubAllEnvs().unstubAllGlobals());

  /** Creates an executable plugin in a folder with the name that the engine looks for, and a file in a subfolder. */
  async function plugin(folder: string): Promise<void> {
    await mkdir(join(folder, "more"), { recursive: true });
    await writeFile(join(folder, "more/file"), "official");
    const main = join(repository, "sandbox/plugins/random/main.ts");
    const binary = join(folder, "pulumi-resource-random");
    await writeFile(binary, `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`, { mode: 0o755 });
  }

  /** The plugins that the engine finds in the sandbox and can run. */
  async function found(sandbox: Awaited<ReturnType<typeof created>>) {
    const { stdout } = await sandbox.pulumi(["plugin", "ls", "--json"]);
    const names = (JSON.parse(stdout) as { name: string }[]).map(({ name }) => name);
    const { code, stderr } = await sandbox.pulumi([
      "package",
      "get-schema",
      `random@${dependencies["@pulumi/random"]}`,
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    return names;
  }

  test("are the user's official ones if installed, else the stand-ins, and the engine finds both", async () => {
    await plugin(join(process.env.HOME ?? "", ".pulumi/plugins", official));
    const sandbox = await created({ stacks: [] });
    expect(sandbox.plugins).toEqual({ random: "official", postgresql: "standin", docker: "standin" });
    const folder = join(sandbox.env.PULUMI_HOME ?? "", "plugins", official);
    expect(await readFile(join(folder, "more/file"), "utf8")).toBe("official");
    expect(await found(sandbox)).toEqual(expect.arrayContaining(["random", "postgresql", "docker"]));
  });

  test.skipIf(!existsSync("/dev/shm"))("are copied if the file system allows no hard link", async () => {
    const elsewhere = await mkdtemp("/dev/shm/app-roles-test-");
    onTestFinished(() => rm(elsewhere, { recursive: true }));
    vi.stubEnv("PULUMI_HOME", elsewhere);
    await plugin(join(elsewhere, "plugins", official));
    const sandbox = await created({ stacks: [] });
    expect(sandbox.plugins.random).toBe("official");
    expect(await found(sandbox)).toContain("random");
  });

  test("with an interrupted installation are ignored", async () => {
    const folder = join(process.env.HOME ?? "", ".pulumi/plugins", official);
    await plugin(folder);
    await writeFile(`${folder}.partial`, "");
    expect((await created({ stacks: [] })).plugins.random).toBe("standin");
  });

  test("are downloaded once from the user's plugin server; a missing one is replaced by its stand-in", async () => {
    const packed = await temporaryFolder();
    await plugin(packed);
    const archive = execFileSync("tar", ["-cz", "-C", packed, "."]);
    const asked: string[] = [];
    const server = createServer(({ url = "" }, response) => {
      asked.push(url);
      if (url.includes("random")) response.end(archive);
      else response.writeHead(404).end();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    vi.stubEnv("PULUMI_PLUGIN_DOWNLOAD_URL_OVERRIDES", `.*=http://127.0.0.1:${port}`);
    const said = vi.spyOn(process.stderr, "write").mockReturnValue(true);

    const [one, other] = await Promise.all([created({ stacks: [] }), created({ stacks: [] })]);
    for (const sandbox of [one, other]) {
      expect(sandbox.plugins).toEqual({ random: "official", postgresql: "standin", docker: "standin" });
      expect(await found(sandbox)).toContain("random");
    }
    expect(asked.filter((url) => url.includes("random"))).toHaveLength(1);
    expect(said.mock.calls.join()).toMatch(
      /the sandbox uses the stand-in of docker: pulumi plugin install resource docker .*404/,
    );

    vi.stubEnv("SANDBOX_PLUGINS", "official");
    await expect(createSandbox({ stacks: [] })).rejects.toThrow(/pulumi plugin install resource \w+ .* failed: .*404/);
  });

  test("are those that SANDBOX_PLUGINS selects", async () => {
    await plugin(join(process.env.HOME ?? "", ".pulumi/plugins", official));
    vi.stubEnv("SANDBOX_PLUGINS", "standin");
    expect((await created({ stacks: [] })).plugins).toEqual({
      random: "standin",
      postgresql: "standin",
      docker: "standin",
    });

    vi.stubEnv("SANDBOX_PLUGINS", "official");
    await expect(createSandbox({ stacks: [] })).rejects.toThrow(
      /the plugin postgresql .* is neither installed nor downloadable/,
    );

    vi.stubEnv("SANDBOX_PLUGINS", "offical");
    await expect(createSandbox({ stacks: [] })).rejects.toThrow(
      'SANDBOX_PLUGINS is "offical": set it to official or standin',
    );
  });
});
