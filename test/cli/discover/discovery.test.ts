import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { makeDiscovery } from "../../../cli/discover/discovery.ts";
import { propose } from "../../../cli/discover/proposal.ts";
import { discoveryReport } from "../../../cli/discover/report.ts";
import { stackDocument } from "../../../cli/discover/stack-document.ts";
import { parseStack } from "../../../config/parse-stack.ts";
import { createLegacyEstate } from "../../../sandbox/legacy/index.ts";
import { type Postgres, startPostgres } from "../../../sandbox/postgres/server.ts";
import { run } from "../../../sandbox/process.ts";
import { discover, serverOf } from "./server.ts";

let postgres: Postgres;
const folder = mkdtempSync(join(tmpdir(), "app-roles-discover-"));
const clients: pg.Client[] = [];

async function login(application: string, database: string, user = "postgres", password = postgres.password) {
  const { host, port } = postgres;
  const client = new pg.Client({ host, port, user, password, database, application_name: application });
  client.on("error", () => undefined);
  await client.connect();
  clients.push(client);
  return client;
}

const discovered = (options: Parameters<typeof discover>[1] = {}) => discover(postgres, options);

const appRoles = (args: string[]) =>
  run(process.execPath, ["bin/app-roles.js", "discover", ...args], { env: process.env });

beforeAll(async () => {
  postgres = await startPostgres({ maxConnections: 60 });
  await createLegacyEstate(postgres);
  const admin = await login("legacy estate", "postgres");
  await admin.query("CREATE ROLE watcher LOGIN PASSWORD 'watcher' IN ROLE pg_monitor");
  await admin.query("CREATE ROLE nobody_special LOGIN PASSWORD 'nobody_special' CONNECTION LIMIT 2");
  await admin.query("ALTER ROLE postgres SET search_path = tracksolid, public");
  await admin.query("ALTER ROLE postgres SET app.key = 'very secret'");
  await admin.end();
  for (let n = 0; n < 3; n++) await login("dashboard_api", "tracksolid_db");
  const worker = await login("worker", "tracksolid_db");
  await worker.query("SELECT 'a literal', count(*) FROM tickets.tickets");
  await login("gateway", "fleet_platform");
  await login("psql", "fleet_platform");
  await login("grafana", "tracksolid_db", "grafana_ro", "grafana_ro");
});

afterAll(async () => {
  await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
  await postgres.stop();
  rmSync(folder, { recursive: true });
});

describe("a quiet server", () => {
  test("shows who is there and what they need", async () => {
    const { found, proposal } = await discovered();
    expect(found.who.services.map(({ name, database, sessions }) => [name, database, sessions])).toEqual([
      ["dashboard_api", "tracksolid_db", 3],
      ["gateway", "fleet_platform", 1],
      ["worker", "tracksolid_db", 1],
    ]);
    expect(found.who.people).toMatchObject([{ application: "psql" }]);
    expect(found.who.existing).toEqual(new Map([["grafana_ro", 1]]));
    expect(proposal.config.existingRoles).toEqual({
      analytics_ro: { connectionLimit: 8 },
      dashboard_ro: { connectionLimit: 12 },
      grafana_ro: { connectionLimit: 5 },
      nobody_special: { connectionLimit: 2 },
      reporting_refresher: { connectionLimit: 3 },
      watcher: { connectionLimit: 3, enforce: true },
    });
    expect(proposal.plan).toMatchObject({ ceiling: 55, fit: "with surge" });
    expect(proposal.config.databases).toEqual({
      fleet_platform: { schemas: ["fleet", "jobs"] },
      tracksolid_db: { schemas: ["reporting", "tickets", "tracksolid"] },
    });
    expect(proposal.config.roles.gateway_app).toMatchObject({ settings: { search_path: ["tracksolid", "public"] } });
    const text = discoveryReport(found, proposal, { verbose: true });
    expect(text).toMatch(/^3 services log in as a superuser; all limits add up to \d+ of 55; \d+ decisions left\n/);
    expect(text).toContain("People, not services: psql as postgres (1).");
    const late = discoveryReport({ ...found, activity: new Map() }, proposal, { verbose: true });
    expect(late).toContain("fleet_platform: not known, since it had no session when the watch began");
    expect(late).not.toContain("nothing was written");
    const written = stackDocument(proposal);
    expect(written).toContain("settings whose values are not copied: app.key");
    for (const secret of ["a literal", "very secret", postgres.password]) {
      expect(text).not.toContain(secret);
      expect(written).not.toContain(secret);
    }
  });

  test("is read by read-only sessions that are named", async () => {
    const server = serverOf(postgres);
    const query = (sql: string) => server.anySession((db) => db.query(sql));
    await expect(query("CREATE TABLE t ()")).rejects.toThrow(/read-only/);
    const { rows } = await query("SELECT current_setting('application_name') AS application");
    expect(rows).toEqual([{ application: "app-roles discover" }]);
    await server.close();
  });

  test("gives the same file again, and nothing replaces an existing one unasked", async () => {
    const file = join(folder, "Pulumi.prod.yaml");
    const discover = (...args: string[]) => appRoles([postgres.url(), "--watch", "0s", "--write", file, ...args]);
    const first = await discover();
    expect(first).toMatchObject({ code: 0, stderr: expect.stringMatching(/Pulumi.prod.yaml was written/) });
    const text = readFileSync(file, "utf8");
    const { config } = parse(text) as { config: Record<string, unknown> };
    const keys = Object.entries(config).map(([key, value]) => [key.replace(/^app-roles:/, ""), value]);
    expect(Object.keys(parseStack(Object.fromEntries(keys)).roles)).toEqual([
      "dashboard_app",
      "gateway_app",
      "worker_app",
    ]);
    rmSync(file);
    await discover();
    expect(readFileSync(file, "utf8")).toBe(text);
    expect(await discover()).toMatchObject({ code: 0, stderr: expect.stringMatching(/has this proposal already/) });

    const edited = `encryptionsalt: v1:abc\n${text.replace("ceiling: 55", "ceiling: 50")}  docker:host: ssh://deploy@db\n`;
    writeFileSync(file, edited);
    expect(await discover()).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^-.*ceiling: 50\n\+.*ceiling: 55$/m),
      stderr: expect.stringMatching(/exists and was not changed. --force/),
    });
    expect(readFileSync(file, "utf8")).toBe(edited);
    expect(await discover("--force")).toMatchObject({ code: 0 });
    const forced = parse(readFileSync(file, "utf8")) as Record<string, Record<string, unknown>>;
    expect(forced).toMatchObject({ encryptionsalt: "v1:abc", config: { "docker:host": "ssh://deploy@db" } });
    expect(forced.config?.["app-roles:ceiling"]).toBe(55);

    writeFileSync(file, edited.replace("connectAs: legacy", "connectAs: role"));
    expect(await discover("--force")).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/on their roles already/),
    });
    expect(JSON.stringify([first, text])).not.toContain(postgres.password);
  });

  test("--quiet prints the verdict only", async () => {
    const { code, stdout, stderr } = await appRoles([postgres.url(), "--watch", "0s", "--quiet"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^3 services [^\n]*\n$/);
  });
});

describe("who may look", () => {
  test("a member of pg_monitor sees what a superuser sees", async () => {
    const [asSuperuser, asMonitor] = [await discovered(), await discovered({ user: "watcher", password: "watcher" })];
    expect(asMonitor.found.who.services).toMatchObject(
      asSuperuser.found.who.services.map(({ name, sessions, addresses }) => ({ name, sessions, addresses })),
    );
    expect(asMonitor.found.watch.statements.map(({ text }) => text)).toContain(
      "SELECT 'a literal', count(*) FROM tickets.tickets",
    );
    expect(asMonitor.proposal.config.server.admin.user).toBe("postgres");
    expect(asMonitor.proposal.decisions).toContainEqual({
      path: ["server", "admin", "user"],
      text: "discover logged in as watcher, which cannot create roles. Name the admin.",
    });
  });

  test("another role sees sessions, and that it does not see more", async () => {
    const { found } = await discovered({ user: "nobody_special", password: "nobody_special" });
    expect(found.who.services).toMatchObject([
      { name: "dashboard_api", sessions: 3, addresses: [], idleShare: undefined },
      { name: "gateway" },
      { name: "worker" },
    ]);
    expect(found.watch.statements).toEqual([]);
    expect(found.notes).toContainEqual(expect.stringContaining("GRANT pg_monitor TO nobody_special"));
  });
});

test("what changes during the watch is named, and Ctrl-C ends it", async () => {
  const server = serverOf(postgres);
  const interrupt = new AbortController();
  const service = await login("late_migrator", "tracksolid_db");
  let isChanged = false;
  const found = await makeDiscovery(server, { watch: 600_000 }, interrupt.signal, (message) => {
    if (!message.startsWith("watching") || isChanged) return;
    isChanged = true;
    void service
      .query(
        "CREATE TABLE tickets.new_table (); ALTER TABLE tickets.comments ADD COLUMN seen boolean; " +
          "INSERT INTO tickets.comments (ticket_id, author, body) SELECT id, 'a@b', 'x' FROM tickets.tickets; SELECT pg_stat_force_next_flush()",
      )
      .then(() => service.query("SELECT 1"))
      .finally(() => interrupt.abort());
  });
  await server.close();
  expect(found.incomplete).toBeUndefined();
  expect(found.activity.get("tracksolid_db")).toEqual({
    changed: [
      { name: "tickets.comments", schema: "tickets", what: "altered" },
      { name: "tickets.new_table", schema: "tickets", what: "created" },
    ],
    writes: [{ schema: "tickets", rows: 3, tables: ["tickets.comments"] }],
  });
  expect(found.activity.get("fleet_platform")).toEqual({ changed: [], writes: [] });
});

describe("a server without room", () => {
  test("answers a superuser from the reserved slots, else says what is wrong", async () => {
    const more: pg.Client[] = [];
    try {
      for (;;) more.push(await login("filler", "postgres", "watcher", "watcher"));
    } catch (error) {
      expect((error as { code?: string }).code).toBe("53300");
    }
    expect((await discovered()).found.who.services).toHaveLength(4);
    await expect(discovered({ user: "watcher", password: "watcher" })).rejects.toThrow(/53300/);
    await Promise.all(more.map((client) => client.end()));
  });

  test("a session that is ended in the middle is opened again, a server that goes away ends with what was seen", async () => {
    const killer = await login("killer", "postgres");
    const first = serverOf(postgres);
    const interrupt = new AbortController();
    let step = 0;
    const survived = await makeDiscovery(first, { watch: 60_000 }, interrupt.signal, (message) => {
      if (message.startsWith("watching") && step++ === 0) {
        void killer.query(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'app-roles discover'",
        );
      } else if (message.startsWith("watching") && step > 3) interrupt.abort();
    });
    await first.close();
    expect(survived.incomplete).toBeUndefined();
    expect(survived.watch.looks).toBeGreaterThan(3);

    const second = serverOf(postgres);
    const last = new AbortController();
    let isStopped = false;
    const lost = await makeDiscovery(second, { watch: 60_000 }, last.signal, (message) => {
      if (message.startsWith("no answer")) last.abort();
      if (!message.startsWith("watching") || isStopped) return;
      isStopped = true;
      void postgres.stop();
    });
    await second.close();
    expect(lost.incomplete).toMatch(/^the server went away/);
    const proposal = propose(lost);
    expect(proposal.services.map(({ seen }) => seen.name)).toContain("dashboard_api");
    expect(discoveryReport(lost, proposal, {})).toMatch(/; incomplete: the server went away/);
  });
});

test("a standby is named as such", async () => {
  const standby = await startPostgres({ isStandby: true });
  try {
    const { found } = await discover(standby);
    expect(found.notes).toContainEqual(expect.stringContaining("This is a standby"));
    expect(discoveryReport(found, propose(found), {})).toMatch(
      /^No service logs in as a superuser; .*\n.*, a standby: /,
    );
  } finally {
    await standby.stop();
  }
});
