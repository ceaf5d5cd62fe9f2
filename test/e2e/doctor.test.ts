import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { run } from "../../sandbox/process.ts";
import { createEstate, type Estate } from "./estate.ts";

let estate: Estate;
/** The stack's file before the tests, restored after each of them. */
let stackFile: string;
const stackPath = () => join(estate.sandbox.dir, "Pulumi.prod.yaml");

/** False to omit it. */
const doctor = async (env: Record<string, string | false> = {}, ...args: string[]) => {
  const all: NodeJS.ProcessEnv = { ...estate.sandbox.env };
  for (const [name, value] of Object.entries(env)) {
    if (value === false) delete all[name];
    else all[name] = value;
  }
  const { code, stdout, stderr } = await run("node", ["bin/app-roles.js", "doctor", ...args], {
    cwd: estate.sandbox.dir,
    env: all,
  });
  expect(stderr).toBe("");
  expect(stdout).not.toContain(estate.postgres.password);
  return { code, text: stdout };
};

beforeAll(async () => {
  estate = await createEstate();
  stackFile = await readFile(stackPath(), "utf8");
});
afterEach(() => writeFile(stackPath(), stackFile));
afterAll(() => estate.remove());

test("all prerequisites are met: a line for each, and exit code 0", async () => {
  const { code, text } = await doctor();
  expect({ code, text }).toEqual({ code: 0, text: expect.stringContaining("No problems found.") });
  for (const what of ["Node", "engine", "stack", "configuration", "backend", "lock", "state", "plugins", "pgaccess"])
    expect(text).toMatch(new RegExp(`^ +${what} +ok `, "m"));
  expect(text).toMatch(/server +ok +PostgreSQL \d+\S* at 127\.0\.0\.1:\d+, database postgres, sslmode disable/);
  expect(text).toMatch(/admin +ok +postgres, a superuser/);
  expect(text).toMatch(/slots +ok +\d+ of 100 in use/);
  expect(text).toMatch(/policies +ok /);
  expect(text).not.toMatch(/^ +docker /m);
});

test("a lock is shown with its holder and the fix for a running and a dead one", async () => {
  const folder = join(estate.sandbox.backend, ".pulumi/locks/organization/app-roles/prod");
  await mkdir(folder, { recursive: true });
  const hold = (pid: number) =>
    writeFile(
      join(folder, "one.json"),
      JSON.stringify({ pid, username: "anna", hostname: hostname(), timestamp: "2026-06-20T10:00:00Z" }),
    );
  await hold(process.pid);
  const alive = await doctor();
  expect(alive.code).toBe(1);
  expect(alive.text).toContain(`held by anna@${hostname()}, process ${process.pid}, since 2026-06-20T10:00:00Z`);
  expect(alive.text).toContain("lock: an up is running: wait for it");
  await hold(2 ** 22 + 1); // above the kernel's highest
  expect((await doctor()).text).toMatch(/lock: .*pulumi cancel, then pulumi up/);
  await rm(join(folder, "one.json"));
});

test("an invalid state is shown with the command that repairs it", async () => {
  const file = join(estate.sandbox.backend, ".pulumi/stacks/app-roles/prod.json");
  const before = await readFile(file, "utf8");
  const urn = (name: string) => `urn:pulumi:prod::app-roles::app-roles:index:AppRole::${name}`;
  const resource = (name: string, dependencies: string[]) => ({
    urn: urn(name),
    custom: false,
    type: "app-roles:index:AppRole",
    dependencies,
  });
  const { checkpoint, ...more } = JSON.parse(before) as { checkpoint: { latest?: object } };
  const resources = [resource("first", [urn("second")]), resource("second", [])];
  const broken = {
    ...checkpoint,
    latest: { manifest: { time: "2026-06-20T10:00:00Z", magic: "", version: "" }, ...checkpoint.latest, resources },
  };
  await writeFile(file, JSON.stringify({ ...more, checkpoint: broken }));
  const { code, text } = await doctor();
  expect({ code, text }).toEqual({
    code: 1,
    text: expect.stringContaining("Pulumi refuses it (snapshot integrity failure)"),
  });
  expect(text).toContain(`${urn("first")}: its dependency ${urn("second")} comes after it`);
  expect(text).toContain("pulumi state repair");
  await estate.pulumi(["state", "repair", "--yes"]);
  expect((await doctor()).text).toMatch(/state +ok +2 resources/);
  await writeFile(file, before);
});

test("missing plugins and a missing passphrase are shown with the fix", async () => {
  const elsewhere = join(estate.sandbox.dir, "no-plugins");
  const { code, text } = await doctor({ PULUMI_HOME: elsewhere });
  expect(code).toBe(1);
  expect(text).toMatch(
    /plugins: pulumi plugin install resource random \d+\.\d+\.\d+; pulumi plugin install resource postgresql/,
  );
  await estate.sandbox.setSecret("adminPassword", estate.postgres.password);
  const locked = await doctor({ PULUMI_CONFIG_PASSPHRASE_FILE: false });
  expect(locked.code).toBe(1);
  expect(locked.text).toMatch(/configuration: .*PULUMI_CONFIG_PASSPHRASE_FILE/);
  expect(locked.text).toMatch(/server +- +no configuration/);
});

test("an invalid key, a command that cannot be run, a missing Docker", async () => {
  await estate.sandbox.setConfig("services.cron.runtime", "command");
  await estate.sandbox.setConfig("services.cron.command", { path: "./nowhere.sh" });
  await estate.sandbox.setConfig("server.admin.host", undefined);
  await estate.sandbox.setConfig("server.admin.container", "timescale_db");
  const away = await doctor({ DOCKER_HOST: `unix://${estate.sandbox.dir}/no.sock` });
  expect(away.code).toBe(1);
  expect(away.text).toMatch(/command of cron +WRONG +\.\/nowhere\.sh cannot be run: ENOENT/);
  expect(away.text).toMatch(/docker +WRONG/);
  expect(away.text).toMatch(/slots +- +the server was not found/);
  await estate.sandbox.setConfig("ceilling", 95);
  expect((await doctor()).text).toMatch(/configuration: fix the named keys[\s\S]*ceilling/);
});

test("all files and commands that restart services are checked", async () => {
  const broken = ["dashboard_api", "ingest_worker"];
  for (const name of broken) {
    const file = join(estate.sandbox.dir, `${name}.sh`);
    await writeFile(file, "#!/bin/sh\necho no such secret >&2; exit 3\n", { mode: 0o755 });
    await estate.sandbox.setConfig(`services.${name}.runtime`, "command");
    await estate.sandbox.setConfig(`services.${name}.command`, { path: `./${name}.sh` });
  }
  const { code, text } = await doctor();
  expect(code).toBe(1);
  const { text: preview } = await estate.pulumi(["preview"], { fails: true });
  for (const name of broken) {
    const reason = `./${name}.sh ${name} read ended with exit code 3`;
    const said = `app-roles:services.${name}.command: ${reason}`;
    expect(text).toMatch(new RegExp(`URL of ${name} +WRONG +${said.replaceAll(".", "\\.")}`));
    expect(preview).toContain(said);
  }
});

test("compose files, env files, the budget and policies: one preview reports all problems, and so does doctor", async () => {
  await estate.sandbox.setConfig("defaults.settings.idle_session_timeout", undefined);
  await estate.sandbox.setConfig("existingRoles.grafana_ro.connectionLimit", 50);
  for (const name of ["dashboard_api", "ingest_worker"]) {
    await writeFile(join(estate.sandbox.dir, `${name}.yml`), `services: {${name}: {image: "x"`);
    await estate.sandbox.setConfig(`services.${name}.runtime`, "compose");
    await estate.sandbox.setConfig(`services.${name}.compose`, { files: [`${name}.yml`], envFile: `${name}.env` });
  }
  const { code, text } = await doctor();
  expect(code).toBe(1);
  const { text: preview } = await estate.pulumi(["preview", "--policy-pack", "policies"], { fails: true });
  const keys = [
    ...["dashboard_api", "ingest_worker"].flatMap((name) => [
      `app-roles:services.${name}.compose.files: ${name}.yml is not valid YAML`,
      `app-roles:services.${name}.compose.envFile: ${name}.env cannot be read (ENOENT)`,
    ]),
    "app-roles:roles: the connection limits add up to 131, 36 above the ceiling of 95",
    "app-roles:roles.dashboard_app: dashboard_app has no idle_session_timeout",
    "app-roles:roles.cron_app: cron_app has no idle_session_timeout",
  ];
  const [, diagnostics = ""] = preview.split("Diagnostics:");
  for (const key of keys) {
    expect(diagnostics.split(key), key).toHaveLength(2);
    expect(text).toContain(key);
  }
  expect(preview).not.toContain("<nil>");
});

test("discover replaces the stack's file, and the result previews with the policy pack", async () => {
  const { host, port, user, password } = estate.postgres;
  const seen = ["shop", "reports"].map((application_name) => {
    const client = new pg.Client({ host, port, user, password, database: "tracksolid_db", application_name });
    return client.connect().then(() => client);
  });
  const clients = await Promise.all(seen);
  await clients[0]?.query("ALTER TABLE tracksolid.devices ADD COLUMN IF NOT EXISTS seen boolean");
  const { code, stdout, stderr } = await run(
    "node",
    ["bin/app-roles.js", "discover", "--watch", "0s", "--write", "Pulumi.prod.yaml", "--force"],
    { cwd: estate.sandbox.dir, env: estate.sandbox.env },
  );
  expect({ code, stdout, stderr }).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^2 services log in as a superuser/),
  });
  const { text } = await estate.pulumi(["preview", "--policy-pack", "policies"]);
  expect(text).toMatch(/\d+ of 95 connections/);
  expect(text).not.toMatch(/mandatory/);
  await Promise.all(clients.map((client) => client.end()));
});

test("a non-superuser admin, a full server, a wrong password, a server that is down, no stack", async () => {
  await estate.sandbox.setConfig("server.admin.superuser", false);
  await estate.query("postgres", "CREATE ROLE plain LOGIN PASSWORD 'plain'");
  await estate.sandbox.setConfig("server.admin.user", "plain");
  await estate.sandbox.setSecret("adminPassword", "plain");
  expect((await doctor()).text).toMatch(/admin: as a superuser: ALTER ROLE plain CREATEROLE/);
  await estate.sandbox.setSecret("adminPassword", "wrong");
  const refused = await doctor();
  expect(refused.text).toMatch(/server: Check the admin password \(app-roles:adminPassword, else PGPASSWORD\)/);
  expect(refused.text).toMatch(/server +WRONG +.*28P01/);
  await estate.postgres.stop();
  expect((await doctor()).text).toMatch(/server +WRONG +.*ECONNREFUSED/);
  await estate.pulumi(["stack", "unselect"]);
  const none = await doctor();
  expect(none.code).toBe(1);
  expect(none.text).toMatch(/stack: choose one: pulumi stack select/);
  expect((await doctor({}, "--stack", "prod")).text).toMatch(/configuration +ok /);
});
