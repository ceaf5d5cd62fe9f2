import { readFileSync } from "node:fs";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { definitions, type ServiceName } from "../../sandbox/legacy/services/definitions.ts";
import { type Service, startService } from "../../sandbox/legacy/services/service.ts";
import { run } from "../../sandbox/process.ts";
import { createEstate, type Estate } from "./estate.ts";

/** Every command of docs/runbook.md, in its order, without comments. */
const commands = [...readFileSync("docs/runbook.md", "utf8").matchAll(/^ *```sh\n(.*?)^ *```$/gms)].flatMap(
  ([, block = ""]) =>
    block
      .split("\n")
      .map((line) => line.replace(/ +# .*$/, "").trim())
      .filter((line) => line !== ""),
);

let estate: Estate;
const services = new Map<ServiceName, Service>();
const names = Object.keys(definitions) as ServiceName[];

beforeAll(async () => {
  estate = await createEstate();
  for (const name of names) {
    const service = startService(name, { url: estate.postgres.url(definitions[name].database), pool: 2 });
    services.set(name, service);
    await service.ready();
  }
});
afterAll(async () => {
  await Promise.all([...services.values()].map((service) => service.stop()));
  await estate.remove();
});

const at = (file: string) => join(estate.sandbox.dir, file);

/** As a person would run it here: the test's server, seconds instead of hours, and yes to questions. */
function here(command: string): string {
  const { host, port } = estate.postgres;
  return command
    .replace("npx app-roles", "node bin/app-roles.js")
    .replace("postgres@db.internal/", `postgres@${host}:${port}/`)
    .replace(/--watch \S+/, "--watch 2s")
    .replace(/ rotate \S+$/, "$& --yes");
}

/** Runs the runbook's next command. Resolves with its output. */
async function next(command: string, { code = 0, input = "" } = {}): Promise<string> {
  expect(commands.shift()).toBe(command);
  const [, sql] = /^psql -c "(.*)"$/.exec(command) ?? [];
  if (sql) return JSON.stringify(await estate.query("fleet_platform", sql));
  const { dir: cwd, env } = estate.sandbox;
  const finished = await run("bash", ["-c", here(command)], {
    cwd,
    // No Docker of this machine is asked.
    env: { ...env, NO_COLOR: "1", PULUMI_SKIP_CONFIRMATIONS: "true", DOCKER_HOST: `unix://${at("no-docker.sock")}` },
    input,
  });
  const text = `${finished.stdout}${finished.stderr}`;
  expect(finished.code, `${command} ended with ${finished.code}:\n${text}`).toBe(code);
  return text;
}

/** Redeploys services with the URLs of the stack's outputs. */
async function redeploy(...which: ServiceName[]): Promise<void> {
  const urls = await estate.databaseUrls();
  for (const name of which) await services.get(name)?.restart({ url: urls[name] as string, pool: 2 });
}

async function connectAs(login: "legacy" | "role", which: ServiceName[]): Promise<void> {
  for (const name of which) await estate.sandbox.setConfig(`services.${name}.connectAs`, login);
  await estate.up();
  await redeploy(...which);
}

test("1. Discovery", async () => {
  // A project begins without a stack file.
  await rename(at("Pulumi.prod.yaml"), at("kept.yaml"));
  const found = await next(
    "npx app-roles discover postgresql://postgres@db.internal/postgres --watch 1h --write Pulumi.prod.yaml",
  );
  expect(found).toMatch(/^6 services log in as a superuser/);
  const written = await readFile(at("Pulumi.prod.yaml"), "utf8");
  expect(names.filter((name) => !written.includes(`    ${name}:`))).toEqual([]);
  // The names of the runbook are those of the repository's file.
  await rename(at("kept.yaml"), at("Pulumi.prod.yaml"));
  await next("psql -c \"ALTER DATABASE fleet_platform SET log_statement = 'ddl'\"");
  await next('psql -c "ALTER DATABASE fleet_platform RESET log_statement"');
  await next('npx app-roles confirm cron --migrates false --because "entrypoint.sh starts crond only"');
});

test("1. and 2.: gateway turns out to migrate, a service's URL is configured, and the budget", async () => {
  const before = await readFile(at("Pulumi.prod.yaml"));
  await next("pulumi config set --path app-roles:databases.fleet_platform.owner fleet_platform_owner");
  await next("pulumi config rm  --path app-roles:roles.gateway_app");
  await next("pulumi config set --path app-roles:roles.fleet_platform_owner.connectionLimit 15");
  await next("pulumi config set --path app-roles:roles.fleet_platform_owner.access.fleet_platform owner");
  await next("pulumi config set --path app-roles:services.gateway.role fleet_platform_owner");
  await next("pulumi config set --path app-roles:services.gateway.migrates true");
  await next("pulumi config set --secret --path app-roles:serviceSecrets.dashboard_api.legacyUrl", {
    input: `${estate.postgres.url("tracksolid_db")}?application_name=dashboard`,
  });
  const budget = await next("pulumi preview --policy-pack policies");
  expect(budget).toContain("86 of 95 connections");
  expect(budget).toMatch(/fleet_platform_owner +15 +no such role yet/);
  await writeFile(at("Pulumi.prod.yaml"), before);
});

test("3. Roles and ownership", async () => {
  expect(await next("pulumi preview --policy-pack policies --diff")).toContain("owner postgres -> tracksolid_owner");
  expect(await next("npx app-roles rehearse")).toContain("The rehearsal passed. Everything was rolled back.");
  await next("pulumi up --policy-pack policies");
  await next("pulumi preview --expect-no-changes");
});

test("4. Cutover and rollback", async () => {
  await next("pulumi config set --path app-roles:services.dashboard_api.connectAs role");
  expect(await next("pulumi preview --policy-pack policies")).toMatch(/ServiceUrl dashboard_api update/);
  expect(await next("pulumi up --policy-pack policies")).toContain(
    "login as dashboard_app succeeded; restart it with the new output",
  );
  const url = await next("pulumi stack output databaseUrls --show-secrets --json | jq -r .dashboard_api");
  await services.get("dashboard_api")?.restart({ url: url.trim(), pool: 2 });
  expect(
    await next(
      `psql -c "SELECT usename, count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' GROUP BY 1 ORDER BY 2 DESC"`,
    ),
  ).toContain("dashboard_app");
  await next("npx app-roles cutover dashboard_api --watch 45m --policy-pack policies");
  const cutover = next("npx app-roles cutover webhook_receiver --file webhook_receiver.env --timeout 15m --watch 45m");
  await expect
    .poll(() => readFile(at("webhook_receiver.env"), "utf8").catch(() => ""), { timeout: 60_000 })
    .toContain("DATABASE_URL=");
  await redeploy("webhook_receiver");
  expect(await cutover).toContain("Restart it now");
  await next("npx app-roles rollback dashboard_api");
  await next("npx app-roles env dashboard_api --file dashboard_api.env");
  expect(await readFile(at("dashboard_api.env"), "utf8")).toContain("//postgres:");
});

test("5. After all are migrated", async () => {
  await estate.sandbox.setConfig("services.gateway.migrates", false);
  await estate.sandbox.setConfig("maxCutoversPerUp", 6);
  await connectAs("role", names);
  const audit = await next("npx app-roles audit --watch 10m", { code: 1 });
  expect(audit).not.toContain("Superuser sessions");
  await next("npx app-roles report --watch 10m --out report.html");
  expect(await readFile(at("report.html"), "utf8")).toContain("<title>prod: connections and roles</title>");
  await next("pulumi config set app-roles:migrationComplete true");
  await next("pulumi preview --policy-pack policies");
});

test("the admin's password", async () => {
  expect(await next("npx app-roles rotate-superuser --watch 1h", { code: 1 })).toContain(
    "nothing was changed: 1 of 1 are not accepted: docker",
  );
  await estate.query("postgres", "ALTER ROLE postgres PASSWORD 'changed manually'");
  estate.postgres.password = "changed manually";
  await next("pulumi config set --secret adminPassword", { input: estate.postgres.password });
  await next("pulumi up --refresh=false");
  await next("pulumi preview --expect-no-changes");
});

test("a role's password, without and with two login roles", async () => {
  await next("npx app-roles rotate dashboard_app");
  await next("pulumi config set --path app-roles:roles.dashboard_app.rotation alternate");
  // Room for two more roles with the limit 8, until the rotation.
  await estate.sandbox.setConfig("services.webhook_receiver.pool.max", 4);
  await estate.sandbox.setConfig("roles.tracksolid_owner.connectionLimit", 23);
  await next("pulumi up --policy-pack policies");
  await next("npx app-roles rotate dashboard_app");
});

test("remove a role, undo everything", async () => {
  await estate.sandbox.setConfig("migrationComplete", false);
  await connectAs("legacy", ["cron"]);
  await next("pulumi config rm --path app-roles:services.cron");
  await next("pulumi config rm --path app-roles:roles.cron_app");
  await next("pulumi up");
  await connectAs(
    "legacy",
    names.filter((name) => name !== "cron"),
  );
  await next("pulumi destroy");
  expect(commands).toEqual([]);
});
