import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { run } from "../../../sandbox/process.ts";
import { startPostgres, type TestPostgres } from "../../provider/postgres.ts";

const command = join(process.cwd(), "bin/app-roles.js");
const stackFile = `config:
  app-roles:services:
    api:
      connectAs: role
`;
/** A pulumi that prints the stack's state and configuration, and records other commands. */
const pulumi = `#!/bin/sh
case "$1 $2" in
  "stack export") cat state.json ;;
  "config --json") cat config.json ;;
  *) printf '%s\\n' "$*" >>calls ;;
esac
`;
const keep = `#!/bin/sh
case "$2" in read) cat url ;; write) cat >url ;; deploy) printf x >>deploys ;; esac
`;
const secret = (value: string) => ({
  "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
  plaintext: JSON.stringify(value),
});
const roleUrl = "postgres://shop_app:role-password@db/shop";
const urlWith = (password: string) => `postgres://legacy:${password}@db/shop`;

let postgres: TestPostgres;
let dir: string;
const at = (name: string) => join(dir, name);
const text = (name: string) => (existsSync(at(name)) ? readFileSync(at(name), "utf8") : "");

beforeAll(async () => {
  postgres = await startPostgres();
  await (await postgres.connect()).query("CREATE ROLE legacy LOGIN PASSWORD 'legacy-password'");
  dir = await mkdtemp(join(tmpdir(), "app-roles-rollback-test-"));
  await writeFile(at("pulumi"), pulumi, { mode: 0o755 });
  await writeFile(at("keep.sh"), keep, { mode: 0o755 });
});
afterAll(async () => {
  await postgres?.stop();
  await rm(dir, { recursive: true });
});
beforeEach(() => Promise.all(["calls", "deploys"].map((name) => rm(at(name), { force: true }))));

/** Runs `rollback` on a stack with one service on its role, whose recorded legacy URL has this password. */
async function rollback(password: string, ...more: string[]) {
  const { host, port, user, database, sslmode } = postgres.address;
  const urn = (type: string) => `urn:pulumi:prod::app-roles::${type}::api`;
  const component = urn("app-roles:index:Service");
  const record = {
    ...{ service: "api", urlKey: "DATABASE_URL", stack: "prod", changes: {} },
    ...{ command: { path: "./keep.sh", args: [] }, legacyUrl: secret(urlWith(password)) },
  };
  const inputs = { ...postgres.address, port: String(port), password: secret(postgres.address.password) };
  const stack = {
    urn: urn("pulumi:pulumi:Stack"),
    type: "pulumi:pulumi:Stack",
    outputs: { services: { api: { connectAs: "role" } } },
  };
  const resources = [
    stack,
    { urn: urn("pulumi:providers:pgaccess"), type: "pulumi:providers:pgaccess", inputs },
    { urn: component, type: "app-roles:index:Service" },
    { urn: urn("RollbackScript"), type: "pgaccess:index:RollbackScript", parent: component, inputs: record },
  ];
  const config = {
    server: { host, port, admin: { user, database, sslmode } },
    adminPassword: postgres.address.password,
    databases: { shop: { schemas: ["shop"] } },
    roles: { shop_app: { connectionLimit: 5, access: { shop: "reader" } } },
    services: {
      api: { ...{ database: "shop", role: "shop_app" }, runtime: "command", command: { path: "./keep.sh" } },
    },
  };
  const values = Object.entries(config).map(([key, value]) => [
    `app-roles:${key}`,
    { value: typeof value === "string" ? value : JSON.stringify(value) },
  ]);
  await writeFile(at("state.json"), JSON.stringify({ deployment: { resources } }));
  await writeFile(at("config.json"), JSON.stringify(Object.fromEntries(values)));
  await writeFile(at("Pulumi.prod.yaml"), stackFile);
  await writeFile(at("url"), roleUrl);
  const env = { ...process.env, PATH: `${dir}:${process.env.PATH}` };
  const { code, stdout, stderr } = await run(process.execPath, [command, "rollback", "api", ...more], {
    cwd: dir,
    env,
  });
  const said = `${stdout}${stderr}`;
  for (const each of [password, postgres.address.password]) expect(said).not.toContain(each);
  return { code, said };
}

test("a legacy URL that can log in: the service is rolled back, and the login is reported", async () => {
  const { code, said } = await rollback("legacy-password");
  expect({ code, said }).toEqual({
    code: 0,
    said: expect.stringContaining("A login with the legacy URL of api works."),
  });
  expect(said).toContain("api runs with its legacy URL again: its command deployed it and reads that URL back");
  expect([text("url"), text("deploys")]).toEqual([urlWith("legacy-password"), "x"]);
  expect(text("Pulumi.prod.yaml")).toContain("connectAs: legacy");
  expect(text("calls")).toBe("up --yes --skip-preview --stack prod\n");
});

test("a refused legacy URL (28P01): nothing is changed, and the fix is printed", async () => {
  const { code, said } = await rollback("dead-password");
  expect({ code, said }).toEqual({ code: 1, said: expect.stringMatching(/^api WAS NOT ROLLED BACK: .*28P01/) });
  expect(said).toContain("Nothing was changed: it runs as before.");
  expect(said).toContain("pulumi config set --secret --path app-roles:serviceSecrets.api.legacyUrl --stack prod");
  expect(said).toContain("npx app-roles rollback api --stack prod --force");
  expect([text("url"), text("deploys"), text("calls"), text("Pulumi.prod.yaml")]).toEqual([roleUrl, "", "", stackFile]);
});

test("a refused legacy URL with --force: the service is rolled back without a login", async () => {
  const { code, said } = await rollback("dead-password", "--force");
  expect({ code, said }).toEqual({ code: 0, said: expect.stringContaining("api runs with its legacy URL again") });
  expect(said).not.toMatch(/login/);
  expect([text("url"), text("deploys")]).toEqual([urlWith("dead-password"), "x"]);
  expect(text("Pulumi.prod.yaml")).toContain("connectAs: legacy");
});

test("an unreachable server does not prevent a rollback: the login is reported as not tested", async () => {
  await postgres.stop();
  const { code, said } = await rollback("legacy-password");
  expect({ code, said }).toEqual({
    code: 0,
    said: expect.stringMatching(/^The legacy URL of api could not be tested: cannot log in .*ECONNREFUSED/),
  });
  expect(said).toContain("The next pulumi up will update the stack's state: the server cannot be reached");
  expect([text("url"), text("deploys"), text("calls")]).toEqual([urlWith("legacy-password"), "x", ""]);
});
