import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { AuditDocument } from "../../cli/audit/document.ts";
import { run } from "../../sandbox/process.ts";
import { createEstate, type Estate, filesBelow } from "./estate.ts";
import { placesOfPasswords } from "./password-search.ts";

let estate: Estate;
let before: Awaited<ReturnType<Estate["observe"]>>;
/** From the cutover. */
let dashboardUrl: string;
/** All passwords that the stack has generated or printed in outputs. */
const passwords = new Set<string>();

beforeAll(async () => {
  estate = await createEstate();
  before = await estate.observe();
});
afterAll(() => estate.remove());

const switchTo = (service: string, connectAs: "legacy" | "role") =>
  estate.sandbox.setConfig(`services.${service}.connectAs`, connectAs);

/** `app-roles` with its standard output and error, which must not hold a password either. */
async function appRoles(args: string[]) {
  const finished = await run("node", ["bin/app-roles.js", ...args], {
    cwd: estate.sandbox.dir,
    env: estate.sandbox.env,
  });
  estate.printed.push(`${finished.stdout}${finished.stderr}`);
  return finished;
}

/** The changes of a command, from the engine's summary. */
function changed(text: string): string[] {
  return [...text.matchAll(/^ *[~+-]{1,2} +([\w:/]+): \((?:update|create|delete)/gm)].map(
    (match) => match[1] as string,
  );
}

/** The findings of `app-roles audit`, which exits with 1 because PUBLIC can connect. */
async function audit(): Promise<AuditDocument> {
  const { dir, env } = estate.sandbox;
  const { code, stdout, stderr } = await run("node", ["bin/app-roles.js", "audit", "--json"], { cwd: dir, env });
  expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
  return JSON.parse(stdout) as AuditDocument;
}

test("preview says what will change, with real values, and changes nothing", async () => {
  const text = await estate.preview("--policy-pack", "policies");
  expect(text).toContain("86 of 95 connections");
  expect(text).toContain("tracksolid.position_history");
  expect(text).toContain("owner postgres -> tracksolid_owner");
  expect(text).toContain("42 to create");
  expect(text.match(/log in as the legacy user/g)).toHaveLength(1);
  expect(text).not.toMatch(/connects with its legacy URL|as the baseline/);
  expect(await estate.observe()).toEqual(before);
});

test("up creates the roles and moves the objects, and a second up changes nothing", async () => {
  await estate.up();
  const owners = await estate.query(
    "tracksolid_db",
    `SELECT DISTINCT pg_get_userbyid(relowner) AS owner FROM pg_class
     WHERE relnamespace::regnamespace::text IN ('tracksolid', 'reporting', 'tickets') AND relkind <> 'i' AND relname <> 'v_trips'`,
  );
  expect(owners).toEqual([{ owner: "tracksolid_owner" }]);
  const limits = await estate.query(
    "postgres",
    `SELECT rolname, rolconnlimit, rolsuper FROM pg_roles
     WHERE rolname IN ('tracksolid_owner', 'dashboard_app', 'gateway_app', 'cron_app') ORDER BY 1`,
  );
  expect(limits).toEqual([
    { rolname: "cron_app", rolconnlimit: 5, rolsuper: false },
    { rolname: "dashboard_app", rolconnlimit: 8, rolsuper: false },
    { rolname: "gateway_app", rolconnlimit: 15, rolsuper: false },
    { rolname: "tracksolid_owner", rolconnlimit: 30, rolsuper: false },
  ]);
  const text = await estate.up("--expect-no-changes");
  expect(text).not.toContain("[diff: ");
  expect(text).toContain("42 unchanged");
  const { findings, unchecked, roles } = await audit();
  expect([...new Set(findings.map(({ check }) => check)), unchecked]).toEqual(["public-database", []]);
  expect(roles.find(({ role }) => role === "tracksolid_owner")).toMatchObject({ declaredLimit: 30, limit: 30 });
});

test("manual drift is shown by a refresh and a preview, and fixed by up", async () => {
  // The engine refuses --preview-only together with the sandbox's --yes.
  const env = { PULUMI_SKIP_CONFIRMATIONS: "false" };
  await estate.pulumi(["refresh", "--preview-only", "--expect-no-changes"], { env });
  await estate.query(
    "tracksolid_db",
    `ALTER ROLE dashboard_app CONNECTION LIMIT 50;
     ALTER ROLE dashboard_app SET idle_session_timeout = '1h';
     REVOKE SELECT ON tickets.tickets FROM dashboard_app;
     ALTER TABLE tickets.comments OWNER TO postgres;
     ALTER ROLE gateway_app SET idle_in_transaction_session_timeout = 1000`,
  );
  const found = (await audit()).findings.map(({ id }) => id);
  expect(found.filter((id) => id.startsWith("drift/"))).toEqual([
    "drift/owners/tracksolid_db",
    "drift/privileges/dashboard_app/tracksolid_db",
    "drift/role/dashboard_app",
    "drift/role/gateway_app",
    "drift/settings/dashboard_app",
  ]);
  // As in Pulumi Cloud's drift detection.
  const detect = ["refresh", "--preview-only", "--diff", "--expect-no-changes"];
  const drift = await estate.pulumi(detect, { fails: true, env });
  expect(drift.text).toMatch(/\+ *idle_session_timeout *: "1h -> 30min"/);
  expect(drift.text).toMatch(/\+ *tickets\.tickets *: "grant SELECT"/);
  expect(drift.text).toMatch(/\+ *tickets\.comments *: "owner postgres -> tracksolid_owner"/);
  // An accepted refresh hides nothing from the next preview.
  await estate.pulumi(["refresh", "--yes", "--skip-preview"]);
  const text = await estate.preview();
  expect(text).toContain("connectionLimit: 50 => 8");
  expect(text).toContain('idle_session_timeout: "1h -> 30min"');
  expect(text).toContain('tickets.tickets: "grant SELECT"');
  expect(text).toContain('tickets.comments: "owner postgres -> tracksolid_owner"');
  expect(text).toContain("idleInTransactionSessionTimeout: 1000 => 300000");
  await estate.up();
  await estate.pulumi(["preview", "--expect-no-changes"]);
  const [limit] = await estate.query("postgres", "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'dashboard_app'");
  expect(limit).toEqual({ rolconnlimit: 8 });
});

test("explicit grants reach what the access level does not, an exclusive role keeps nothing that was granted by hand, and PUBLIC loses CONNECT where it is asked for", async () => {
  await estate.sandbox.setConfig("databases.fleet_platform.revokeFromPublic", ["CONNECT"]);
  await estate.sandbox.setConfig("roles.dashboard_app.exclusive", true);
  await estate.sandbox.setConfig("roles.dashboard_app.grants.tracksolid_db.columns", {
    "tickets.tickets": { UPDATE: ["state"] },
  });
  await estate.query(
    "tracksolid_db",
    "GRANT DELETE ON tickets.tickets TO dashboard_app; GRANT USAGE ON SCHEMA public TO dashboard_app",
  );
  const text = await estate.preview();
  expect(text).toMatch(/column state of tickets\.tickets *: "grant UPDATE"/);
  expect(text).toMatch(/tickets\.tickets *: "revoke DELETE"/);
  expect(text).toMatch(/schema public *: "revoke USAGE"/);
  expect(text).toMatch(/PUBLIC: CONNECT: "revoked; granted to .*reporting_refresher/);
  await estate.up();
  await estate.pulumi(["preview", "--expect-no-changes"]);
  const [may] = await estate.query(
    "tracksolid_db",
    `SELECT has_column_privilege('dashboard_app', 'tickets.tickets', 'state', 'UPDATE') AS update,
            has_table_privilege('dashboard_app', 'tickets.tickets', 'DELETE') AS delete,
            has_database_privilege('dashboard_app', 'fleet_platform', 'CONNECT') AS elsewhere,
            has_database_privilege('gateway_app', 'fleet_platform', 'CONNECT') AS own,
            has_database_privilege('grafana_ro', 'fleet_platform', 'CONNECT') AS others`,
  );
  expect(may).toEqual({ update: true, delete: false, elsewhere: false, own: true, others: true });
  await estate.sandbox.setConfig("databases.fleet_platform.revokeFromPublic", undefined);
});

test("objects a legacy migrator makes later are readable at once and owned after the next up", async () => {
  await estate.query("tracksolid_db", "CREATE TABLE tickets.made_by_legacy (id int)");
  const [may] = await estate.query(
    "tracksolid_db",
    "SELECT has_table_privilege('dashboard_app', 'tickets.made_by_legacy', 'SELECT') AS may",
  );
  expect(may).toEqual({ may: true });
  expect(await estate.preview()).toContain('tickets.made_by_legacy: "owner postgres -> tracksolid_owner"');
  const reviewed = join(estate.sandbox.dir, "review.json");
  const review = await appRoles(["review", "--policy-pack", "policies", "--save", reviewed]);
  expect(review.code).toBe(0);
  expect(review.stdout).toMatch(
    /^### ✅ Nothing stops the up of `prod`\n\n1 object with another owner\. \d+ warnings of the last up/,
  );
  expect(review.stdout).toContain("budget (no change)");

  const up = ["up", "--yes", "--policy-pack", "policies", "--reviewed", reviewed];
  await estate.query("tracksolid_db", "CREATE TABLE tickets.made_since (id int)");
  expect(await appRoles(up)).toMatchObject({
    code: 1,
    stderr: `prod is not as reviewed, so nothing was changed. Run app-roles review again:
  pgaccess:index:Ownership tracksolid_db: tickets.made_since: owner postgres -> tracksolid_owner, which was not reviewed
`,
  });
  // Between the comparison and the change, only the plugin can notice.
  const since = { APP_ROLES_REVIEWED: reviewed };
  const { text } = await estate.pulumi(["up", "--yes", "--skip-preview"], { fails: true, env: since });
  expect(text).toContain("not in the review: tickets.made_since (owner postgres -> tracksolid_owner)");
  const ownersNow = () =>
    estate.query(
      "tracksolid_db",
      "SELECT tableowner FROM pg_tables WHERE tablename LIKE 'made\\_%' ORDER BY tablename",
    );
  expect(await ownersNow()).toEqual([{ tableowner: "postgres" }, { tableowner: "postgres" }]);

  await estate.query("tracksolid_db", "DROP TABLE tickets.made_since");
  expect(await appRoles(up)).toMatchObject({ code: 0 });
  expect(await ownersNow()).toEqual([{ tableowner: "tracksolid_owner" }]);
  await estate.query("tracksolid_db", "DROP TABLE tickets.made_by_legacy");
});

test("a cutover and a rollback change only that service", async () => {
  const legacy = await estate.databaseUrls();
  await switchTo("dashboard_api", "role");
  expect(changed(await estate.preview())).toEqual(["pgaccess:index:ServiceUrl"]);
  await estate.up();
  const urls = await estate.databaseUrls();
  expect({ ...urls, dashboard_api: "" }).toEqual({ ...legacy, dashboard_api: "" });
  const { host, port } = estate.postgres;
  expect(urls.dashboard_api).toMatch(
    new RegExp(`^postgresql://dashboard_app:[0-9a-f]{48}@${host}:${port}/tracksolid_db$`),
  );
  dashboardUrl = urls.dashboard_api as string;
  const url = new URL(dashboardUrl);
  const rows = await estate.query("tracksolid_db", "SELECT count(*) > 0 AS some FROM tracksolid.devices", {
    user: url.username,
    password: url.password,
  });
  expect(rows).toEqual([{ some: true }]);

  await switchTo("dashboard_api", "legacy");
  expect(changed(await estate.preview())).toEqual(["pgaccess:index:ServiceUrl"]);
  await estate.up();
  expect(await estate.databaseUrls()).toEqual(legacy);
});

test("two cutovers in one up are refused, in preview and before either is touched; the second is one up later", async () => {
  const urls = await estate.databaseUrls();
  await switchTo("ingest_worker", "role");
  await switchTo("worker", "role");
  for (const command of [["preview"], ["up", "--yes", "--skip-preview"]]) {
    const { text } = await estate.pulumi(command, { fails: true });
    expect(text).toContain("2 services would be cut over in one up: ingest_worker, worker;");
    expect(text).toContain("In cutover order, ingest_worker is first");
  }
  expect(await estate.databaseUrls()).toEqual(urls);
  await switchTo("worker", "legacy");
  await estate.up();
});

test("the migrators' role can do what migrations do", async () => {
  for (const service of ["worker", "webhook_receiver"]) {
    await switchTo(service, "role");
    await estate.up();
  }
  const url = new URL((await estate.databaseUrls()).worker as string);
  await estate.query(
    "tracksolid_db",
    `CREATE SCHEMA IF NOT EXISTS tracksolid;
     ALTER TABLE tracksolid.position_history ADD COLUMN note text;
     CREATE TABLE tickets.made_by_role (id int); INSERT INTO tickets.made_by_role VALUES (1)`,
    { user: url.username, password: url.password },
  );
  const [may] = await estate.query(
    "tracksolid_db",
    "SELECT has_table_privilege('dashboard_app', 'tickets.made_by_role', 'SELECT') AS may",
  );
  expect(may).toEqual({ may: true });
  await estate.query("tracksolid_db", "ALTER TABLE tracksolid.position_history DROP COLUMN note");
});

test("outputs are what the contract says", async () => {
  const { stdout } = await estate.pulumi(["stack", "output", "--json"]);
  const outputs = JSON.parse(stdout);
  expect(Object.keys(outputs).sort()).toEqual(["connectionBudget", "databaseUrls", "roles", "services"]);
  expect(outputs.connectionBudget).toMatchObject({ ceiling: 95, total: 86 });
  expect(outputs.connectionBudget.entries).toContainEqual({ role: "analytics_ro", limit: 8, source: "existing" });
  expect(outputs.services.worker).toEqual({
    database: "tracksolid_db",
    role: "tracksolid_owner",
    connectAs: "role",
    runtime: "external",
  });
  expect(outputs.roles.dashboard_app).toEqual({ connectionLimit: 8, databases: ["tracksolid_db"] });
  expect(JSON.stringify(outputs.databaseUrls)).not.toContain("postgresql://");
});

test("a budget of 96 is refused and nothing is touched", async () => {
  const seen = await estate.observe();
  await estate.sandbox.setConfig("roles.dashboard_app.connectionLimit", 18);
  for (const command of [
    ["preview"],
    ["up", "--yes"],
    ["up", "--yes", "--skip-preview", "--policy-pack", "policies"],
  ]) {
    const { text } = await estate.pulumi(command, { fails: true });
    expect(text).toContain("96");
    expect(text).toContain("95");
  }
  expect(await estate.observe()).toEqual(seen);
  await estate.sandbox.setConfig("roles.dashboard_app.connectionLimit", 8);
  await estate.pulumi(["preview", "--expect-no-changes"]);
});

test("destroy is refused, before anything is touched, while a role has sessions", async () => {
  const url = new URL((await estate.databaseUrls()).worker as string);
  const seen = await estate.observe();
  const session = new pg.Client({ connectionString: url.href, application_name: "worker" });
  await session.connect();
  const { text } = await estate.pulumi(["destroy", "--yes", "--skip-preview"], { fails: true });
  expect(text).toMatch(/tracksolid_owner: 1 session: pid \d+ in tracksolid_db from 127\.0\.0\.1 \(worker\)/);
  expect(changed(text)).toEqual([]);
  const targeted = ["--target-dependents", "--target", await urnOf("Ownership")];
  const one = await estate.pulumi(["destroy", "--yes", "--skip-preview", ...targeted], { fails: true });
  expect(one.text).toContain("tracksolid_owner");
  await session.end();
  expect(await estate.observe()).toEqual(seen);
  await estate.pulumi(["preview", "--expect-no-changes"]);
});

test("a role is not taken out of the configuration, not even in part, while it has a session in any database", async () => {
  const seen = await estate.observe();
  const file = join(estate.sandbox.dir, "Pulumi.prod.yaml");
  const written = await readFile(file, "utf8");
  const url = new URL(dashboardUrl);
  url.pathname = "/fleet_platform";
  const session = new pg.Client({ connectionString: url.href, application_name: "by hand" });
  await session.connect();
  await estate.sandbox.setConfig("services.dashboard_api", undefined);
  await estate.sandbox.setConfig("roles.dashboard_app", undefined);
  const inUse = /dashboard_app: 1 session: pid \d+ in fleet_platform from 127\.0\.0\.1 \(by hand\)/;
  expect(await estate.preview()).toMatch(inUse);
  const { text } = await estate.pulumi(["up", "--yes", "--skip-preview"], { fails: true });
  expect(text).toMatch(inUse);
  expect(await estate.observe()).toEqual(seen);
  await session.end();
  await writeFile(file, written);
  await estate.up();
  await estate.pulumi(["preview", "--expect-no-changes"]);
});

async function urnOf(type: string): Promise<string> {
  const { stdout } = await estate.pulumi(["stack", "export"]);
  const { deployment } = JSON.parse(stdout) as { deployment: { resources: { urn: string; type: string }[] } };
  return deployment.resources.find((resource) => resource.type.endsWith(`:${type}`))?.urn as string;
}

test("destroy leaves everything as it was before the first up", async () => {
  for (const password of await estate.passwords()) passwords.add(password);
  await estate.query("postgres", "GRANT pg_monitor TO dashboard_app");
  await estate.query(
    "tracksolid_db",
    "CREATE TABLE public.stray (); ALTER TABLE public.stray OWNER TO tracksolid_owner; GRANT SELECT ON public.stray TO cron_app",
  );
  await estate.pulumi(["destroy", "--yes", "--skip-preview"]);
  const made = await estate.query(
    "tracksolid_db",
    "SELECT tableowner FROM pg_tables WHERE tablename IN ('stray', 'made_by_role')",
  );
  expect(made).toEqual([{ tableowner: "postgres" }, { tableowner: "postgres" }]);
  await estate.query("tracksolid_db", "DROP TABLE public.stray, tickets.made_by_role");
  expect(await estate.observe()).toEqual(before);
});

test("no generated password can be read in any output, in the server's log or in the state", async () => {
  await estate.up("--diff", "--policy-pack", "policies");
  await estate.preview("--policy-pack", "policies");
  for (const url of Object.values(await estate.databaseUrls())) passwords.add(new URL(url).password);
  for (const password of await estate.passwords()) passwords.add(password);
  // The legacy user's, and those of four roles before and after the destroy.
  expect(passwords.size).toBe(9);
  const states = await filesBelow(estate.sandbox.backend);
  const { text } = await estate.pulumi(["destroy", "--yes", "--diff"]);
  expect(text).toContain("[id=none]");
  states.push(...(await filesBelow(estate.sandbox.backend)));
  expect(states.filter(({ text }) => text.includes("random:index/randomPassword")).length).toBeGreaterThan(0);
  const log = await readFile(estate.postgres.logFile, "utf8");
  expect(log).toContain("CREATE ROLE");
  const places = [
    ...states,
    { path: "the server's log", text: log },
    ...estate.printed.map((text) => ({ path: "output", text })),
  ];
  expect(placesOfPasswords(passwords, places)).toEqual([]);
});
