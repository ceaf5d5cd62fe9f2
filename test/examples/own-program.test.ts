import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { type Postgres, startPostgres } from "../../sandbox/postgres/server.ts";
import { run } from "../../sandbox/process.ts";
import { createSandbox, type Sandbox } from "../../sandbox/project/sandbox.ts";
import { installedExample } from "./installed.ts";

const node = (cwd: string, ...args: string[]) => run(process.execPath, args, { cwd });

let folder: string;
let example: string;
beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "app-roles-example-")));
  example = await installedExample("own-program", folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("the installed package", () => {
  test("contains JavaScript and types, and nothing that Node would have to strip", async () => {
    const files = await readdir(join(example, "node_modules/app-roles"), { recursive: true });
    expect(files.filter((file) => /^dist.*(?<!\.d)\.ts$/.test(file))).toEqual([]);
    expect(files).toEqual(
      expect.arrayContaining([
        "dist/components/index.js",
        "dist/components/index.d.ts",
        "dist/provider/pulumi-resource-pgaccess",
        "dist/policies/PulumiPolicy.yaml",
        "LICENSE",
      ]),
    );
  });

  test("leaves the repository's own bundle, and a second preparation keeps a current one", async () => {
    const manifest = join(folder, "sources/dist/bundle/plugin/manifest.json");
    const { ino, mtimeMs } = await stat(manifest);
    expect(await node(join(folder, "sources"), "bundle.mjs")).toMatchObject({ code: 0, stderr: "" });
    expect(await stat(manifest)).toMatchObject({ ino, mtimeMs });
  });

  test("contains what its documents link to, and neither tests nor the sandbox", async () => {
    const root = join(example, "node_modules/app-roles");
    const files = await readdir(root, { recursive: true });
    expect(files.filter((file) => /(^|\/)(test|sandbox|bench)(\/|$)/.test(file))).toEqual([]);
    const documents = files.filter((file) => file.endsWith(".md"));
    expect(documents).toContain("README.md");
    const dead: string[] = [];
    for (const document of documents) {
      const text = await readFile(join(root, document), "utf8");
      for (const [, link] of text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
        if (link === undefined || /^https?:/.test(link)) continue;
        if (!existsSync(join(root, dirname(document), link))) dead.push(`${document}: ${link}`);
      }
    }
    expect(dead).toEqual([]);
  });

  test("works in CommonJS: its types are found, and Pulumi's ts-node runs the program", async () => {
    const program = join(folder, "commonjs");
    await mkdir(program);
    await symlink(join(example, "node_modules"), join(program, "node_modules"));
    await writeFile(join(program, "package.json"), "{}");
    await writeFile(join(program, "index.ts"), 'import { AppRole } from "app-roles";\nconsole.log(AppRole.name);\n');
    const compilerOptions = { strict: true, target: "es2024", module: "nodenext", types: ["node"] };
    await writeFile(join(program, "tsconfig.json"), JSON.stringify({ compilerOptions }));
    // As the language host starts a program without TypeScript options in Pulumi.yaml.
    const start = `
      const { tsnodeRequire, typescriptRequire } = require("@pulumi/pulumi/tsutils").typeScriptRequireStrings();
      require(tsnodeRequire).register({ compiler: typescriptRequire, project: "tsconfig.json" });
      require("./index.ts");`;
    expect(await node(program, "-e", start)).toEqual({ code: 0, stdout: "AppRole\n", stderr: "" });
  });

  test("has types with which the example passes strict checks", async () => {
    expect(await node(example, "node_modules/typescript/bin/tsc", "-p", ".")).toMatchObject({ code: 0, stdout: "" });
  });

  test.each([
    ["an ES module", ["--input-type=module", "-e", "console.log(Object.keys(await import('app-roles')).join())"]],
    ["CommonJS", ["-e", "console.log(Object.keys(require('app-roles')).join())"]],
  ])("is loaded from %s", async (_, args) => {
    const { stdout, stderr } = await node(example, ...args);
    expect(stderr).toBe("");
    expect(stdout.trim().split(",")).toEqual(
      expect.arrayContaining(["AppRole", "DatabaseServer", "Service", "connectionBudget", "parseStack", "readStack"]),
    );
  });
});

describe("the example, with the real engine and server", () => {
  let postgres: Postgres;
  let sandbox: Sandbox;

  beforeAll(async () => {
    postgres = await startPostgres();
    await query("postgres", "CREATE DATABASE shop");
    await query("shop", "CREATE SCHEMA shop; CREATE TABLE shop.orders (id int PRIMARY KEY)");
    sandbox = await createSandbox({ postgres, stacks: [] });
    await pulumi("stack", "init", "dev");
    await pulumi("config", "set", "host", postgres.host);
    await pulumi("config", "set", "port", String(postgres.port));
    await setPassword(example, "adminPassword");
  });
  afterAll(() => Promise.all([sandbox.remove(), postgres.stop()]));

  test("its preview passes the package's policies and changes nothing", async () => {
    const preview = await pulumi("preview", "--policy-pack", "node_modules/app-roles/dist/policies");
    expect(preview).toContain("20 of 95 connections");
    expect(preview).toContain("shop: 1 object to change owner");
    expect(preview).toMatch(/app-roles@v.* \(local: node_modules\/app-roles\/dist\/policies\)/);
    expect(preview).toContain("reports still logs in as the legacy user");
    expect(await roles()).toEqual([]);
  });

  test("its up succeeds: backend logs in as the owner, reports as before", async () => {
    await pulumi("up", "--yes");
    expect(await roles()).toEqual([
      { role: "shop_owner", limit: 12 },
      { role: "shop_reader", limit: 8 },
    ]);
    const outputs = JSON.parse(await pulumi("stack", "output", "--json", "--show-secrets"));
    const { backend, reports } = outputs.databaseUrls as Record<"backend" | "reports", string>;
    const table = "SELECT current_user AS me, tableowner AS owner FROM pg_tables WHERE tablename = 'orders'";
    expect(await query("shop", table, backend)).toEqual([{ me: "shop_owner", owner: "shop_owner" }]);
    expect(reports).toBe(postgres.url("shop"));
    await pulumi("preview", "--expect-no-changes");
  });

  test("its destroy restores the server", async () => {
    await pulumi("destroy", "--yes");
    expect(await roles()).toEqual([]);
    expect(await query("shop", "SELECT tableowner FROM pg_tables WHERE tablename = 'orders'")).toEqual([
      { tableowner: "postgres" },
    ]);
  });

  test("AppRolesStack creates what the stack file declares, and the commands read the same keys", async () => {
    const program = join(folder, "acme");
    await mkdir(program);
    await symlink(join(example, "node_modules"), join(program, "node_modules"));
    const project = await readFile(join(example, "Pulumi.yaml"), "utf8");
    await writeFile(join(program, "Pulumi.yaml"), project.replace(/^name: .*$/m, "name: acme"));
    await writeFile(join(program, "package.json"), '{ "type": "module" }');
    await writeFile(
      join(program, "index.ts"),
      'import { AppRolesStack, readStack } from "app-roles";\n' +
        "export const { databaseUrls, services } = new AppRolesStack(await readStack());\n",
    );
    const appRoles = (...args: string[]) =>
      run(process.execPath, ["node_modules/app-roles/bin/app-roles.js", ...args], { cwd: program, env: sandbox.env });
    await pulumiIn(program, "stack", "init", "acme");
    expect((await appRoles("cutover", "backend")).stderr).toContain("new AppRolesStack(await readStack())");
    const settings = { idle_session_timeout: "30min", idle_in_transaction_session_timeout: "5min" };
    const config = {
      "app-roles:server": { host: postgres.host, port: postgres.port },
      "app-roles:databases": { shop: { schemas: ["shop"], owner: "shop_owner" } },
      "app-roles:roles": { shop_owner: { connectionLimit: 12, access: { shop: "owner" }, settings } },
      "app-roles:services": { backend: { database: "shop", role: "shop_owner", connectAs: "role", migrates: true } },
    };
    const file = join(program, "Pulumi.acme.yaml");
    await writeFile(file, `${await readFile(file, "utf8")}\n${stringify({ config })}`);
    await setPassword(program, "app-roles:adminPassword");
    await pulumiIn(program, "up", "--yes");
    const env = await appRoles("env", "backend");
    const url = env.stdout
      .trim()
      .replace(/^DATABASE_URL=/, "")
      .replace(/^["']|["']$/g, "");
    expect(await query("shop", "SELECT current_user AS me", url)).toEqual([{ me: "shop_owner" }]);
    await pulumiIn(program, "destroy", "--yes");
  });

  const pulumi = (...args: string[]) => pulumiIn(example, ...args);

  const pulumiIn = (cwd: string, ...args: string[]) => must(args, { cwd });

  // On standard input, as a user types it: all users of a machine can read arguments.
  const setPassword = (cwd: string, key: string) =>
    must(["config", "set", "--secret", key], { cwd, input: postgres.password });

  async function must(args: string[], options: { cwd: string; input?: string }): Promise<string> {
    const { code, stdout, stderr } = await sandbox.pulumi(args, options);
    if (code !== 0) throw new Error(`pulumi ${args[0]} failed (exit code ${code}):\n${stdout}${stderr}`);
    return stdout;
  }

  const roles = () =>
    query(
      "postgres",
      "SELECT rolname AS role, rolconnlimit AS limit FROM pg_roles WHERE rolname LIKE 'shop%' ORDER BY rolname",
    );

  async function query(database: string, sql: string, url = postgres.url(database)): Promise<unknown[]> {
    const client = new pg.Client(url);
    await client.connect();
    try {
      return (await client.query(sql)).rows;
    } finally {
      await client.end();
    }
  }
});
