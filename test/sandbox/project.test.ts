import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, realpath, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test, vi } from "vitest";
import { parse } from "yaml";
import { startPostgres } from "../../sandbox/postgres/server.ts";
import { createSandbox, type SandboxOptions } from "../../sandbox/project/sandbox.ts";
import { temporaryFolder } from "./temporary.ts";

const repository = fileURLToPath(new URL("../..", import.meta.url));

async function created(options?: SandboxOptions) {
  const sandbox = await createSandbox(options);
  onTestFinished(sandbox.remove);
  return sandbox;
}

test("it runs the project's own files, with configuration of its own that points at its server", async () => {
  const postgres = await startPostgres();
  onTestFinished(postgres.stop);
  const before = await readFile(join(repository, "Pulumi.prod.yaml"), "utf8");
  const sandbox = await created({ postgres, stacks: ["staging", "prod"] });

  for (const file of ["Pulumi.yaml", "index.ts", "provider", "policies", "node_modules"]) {
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

test("configuration is changed as by an editor: the rest, comments too, stays as it was", async () => {
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

test("a secret goes in encrypted and comes back whole", async () => {
  const sandbox = await created();
  const value = { dashboard_api: { legacyUrl: "postgresql://postgres:s3cret@db/x" } };
  await sandbox.setSecret("serviceSecrets", value);
  expect(await readFile(join(sandbox.dir, "Pulumi.prod.yaml"), "utf8")).toMatch(
    /app-roles:serviceSecrets:\n\s+secure: v1:/,
  );
  expect(JSON.parse((await sandbox.pulumi(["config", "get", "serviceSecrets"])).stdout)).toEqual(value);
});

test("two at once do not see each other, and nothing is left of a removed one", async () => {
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

test("Pulumi and Postgres settings of the user do not reach it", async () => {
  vi.stubEnv("PULUMI_ACCESS_TOKEN", "token");
  vi.stubEnv("PULUMI_STACK", "theirs");
  vi.stubEnv("PGHOST", "production");
  const { env } = await created({ stacks: [] });
  vi.unstubAllEnvs();
  expect([env.PULUMI_ACCESS_TOKEN, env.PULUMI_STACK, env.PGHOST]).toEqual([undefined, undefined, undefined]);
});

test("a stack that cannot be made is an error, and nothing is left", async () => {
  const folder = await temporaryFolder();
  vi.stubEnv("TMPDIR", folder);
  onTestFinished(() => void vi.unstubAllEnvs());
  await expect(createSandbox({ stacks: ["no spaces allowed"] })).rejects.toThrow(/pulumi stack init no spaces allowed/);
  expect(await readdir(folder)).toEqual([]);
});

test("plugins are the user's official ones where they are, else stand-ins; SANDBOX_PLUGINS decides when set", async () => {
  const dependencies = JSON.parse(await readFile(join(repository, "package.json"), "utf8")).dependencies;
  const official = `resource-random-v${dependencies["@pulumi/random"]}`;
  const home = await temporaryFolder();
  await mkdir(join(home, "plugins", official), { recursive: true });
  await writeFile(join(home, "plugins", official, "pulumi-resource-random"), "official");
  vi.stubGlobal("fetch", () => Promise.reject(new Error("no network")));
  vi.stubEnv("SANDBOX_PLUGINS", undefined);
  vi.stubEnv("PULUMI_HOME", home);
  onTestFinished(() => void vi.unstubAllEnvs().unstubAllGlobals());

  const found = await created({ stacks: [] });
  expect(found.plugins).toEqual({ random: "official", postgresql: "standin", docker: "standin" });
  const binary = join(found.env.PULUMI_HOME ?? "", "plugins", official, "pulumi-resource-random");
  expect(await readFile(binary, "utf8")).toBe("official");

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
    'SANDBOX_PLUGINS is "offical": it takes official or standin',
  );
});
