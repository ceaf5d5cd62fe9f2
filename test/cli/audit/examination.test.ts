import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { auditSubject } from "../../../cli/audit/audit.ts";
import { auditDocument, outcomeOf } from "../../../cli/audit/document.ts";
import { type ExaminationOptions, examine } from "../../../cli/audit/examination.ts";
import { Observations, observe } from "../../../cli/audit/observation.ts";
import type { Declared, Subject } from "../../../cli/audit/subject.ts";
import { ReadOnlyServer } from "../../../cli/postgres/read-only-server.ts";
import type { Queryable } from "../../../provider/postgres/connection.ts";
import { createLegacyEstate } from "../../../sandbox/legacy/index.ts";
import { observe as catalogOf } from "../../provider/observe.ts";
import { startPostgres, type TestPostgres } from "../../provider/postgres.ts";
import { deploy } from "./deployed.ts";

const config = {
  server: { host: "127.0.0.1" },
  databases: {
    tracksolid_db: {
      schemas: ["tracksolid", "reporting", "tickets"],
      owner: "tracksolid_owner",
      keepOwner: { "reporting.v_trips": "reporting_refresher" },
      revokeFromPublic: ["CONNECT", "TEMPORARY"],
    },
    fleet_platform: { schemas: ["fleet"], revokeFromPublic: ["CONNECT", "TEMPORARY"] },
  },
  defaults: { settings: { idle_session_timeout: "30min", idle_in_transaction_session_timeout: "5min" } },
  roles: {
    tracksolid_owner: { connectionLimit: 30, access: { tracksolid_db: "owner" } },
    dashboard_app: {
      connectionLimit: 8,
      access: { tracksolid_db: "reader" },
      grants: { tracksolid_db: { tables: { "tickets.comments": ["INSERT"] } } },
    },
    gateway_app: { connectionLimit: 3, access: { fleet_platform: "writer" } },
  },
  existingRoles: {
    analytics_ro: { connectionLimit: 8 },
    dashboard_ro: { connectionLimit: 12, enforce: true },
    grafana_ro: { connectionLimit: 5 },
    reporting_refresher: { connectionLimit: 3 },
  },
  services: { dashboard_api: { database: "tracksolid_db", role: "dashboard_app", migrates: false } },
};

let postgres: TestPostgres;
let declared: Declared;
let admin: Client;
let tracksolid: Client;

beforeAll(async () => {
  postgres = await startPostgres();
  await createLegacyEstate(postgres.address);
  // The default before PostgreSQL 15.
  for (const database of ["template1", "postgres", "tracksolid_db", "fleet_platform"]) {
    const db = await postgres.connect({ database });
    await db.query("REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    await db.end();
  }
  declared = await deploy(postgres, config, new Date(Date.now() - 100 * 86_400_000));
  const psql = { application_name: "psql" };
  [admin, tracksolid] = [await postgres.connect(), await postgres.connect({ database: "tracksolid_db" })];
  for (const db of [admin, tracksolid]) await db.query(`SET application_name = ${psql.application_name}`);
});
afterAll(() => postgres.stop());

const auditOf = (
  options: ExaminationOptions = {},
  subject: Subject = { address: postgres.address, namedBy: "stack", declared },
) => auditSubject(subject, options, false);

test("a server as declared has no findings, and the audit changes nothing", async () => {
  const before = await catalogOf(tracksolid);
  const audit = await auditOf();
  expect(auditDocument(audit)).toMatchObject({ outcome: "ok", findings: [], unchecked: [], ignored: [], notes: [] });
  expect(await catalogOf(tracksolid)).toEqual(before);
});

/** What somebody does to the server, how to undo it, and the findings. */
const changes: [sql: string, undo: string, found: Record<string, RegExp>, options?: ExaminationOptions][] = [
  [
    "ALTER TABLE tickets.tickets OWNER TO postgres",
    "ALTER TABLE tickets.tickets OWNER TO tracksolid_owner",
    {
      "drift/owners/tracksolid_db":
        /^high .*tickets\.tickets: owner postgres -> tracksolid_owner .*pulumi up --stack prod/,
    },
  ],
  [
    "REVOKE SELECT ON tickets.tickets FROM dashboard_app",
    "GRANT SELECT ON tickets.tickets TO dashboard_app",
    { "drift/privileges/dashboard_app/tracksolid_db": /^high .*tickets\.tickets: grant SELECT/ },
  ],
  [
    "ALTER ROLE tracksolid_owner RESET idle_session_timeout",
    "ALTER ROLE tracksolid_owner SET idle_session_timeout = '30min'",
    { "drift/settings/tracksolid_owner": /^medium .*idle_session_timeout: unset -> 30min/ },
  ],
  [
    "ALTER ROLE dashboard_app SET idle_in_transaction_session_timeout = 0; ALTER ROLE dashboard_app SET statement_timeout = '1s'",
    "ALTER ROLE dashboard_app SET idle_in_transaction_session_timeout = 300000; ALTER ROLE dashboard_app RESET statement_timeout",
    { "drift/role/dashboard_app": /idle_in_transaction_session_timeout: 0 -> 300000, and 1 more/ },
  ],
  [
    "ALTER ROLE gateway_app CONNECTION LIMIT 20",
    "ALTER ROLE gateway_app CONNECTION LIMIT 3",
    { "drift/role/gateway_app": /connection limit: 20 -> 3 / },
  ],
  [
    "ALTER ROLE dashboard_ro CONNECTION LIMIT 11",
    "ALTER ROLE dashboard_ro CONNECTION LIMIT 12",
    { "drift/existing-role/dashboard_ro": /^medium .*connection limit: 11 -> 12/ },
  ],
  [
    "GRANT CONNECT ON DATABASE fleet_platform TO PUBLIC",
    "REVOKE CONNECT ON DATABASE fleet_platform FROM PUBLIC",
    {
      "drift/public/fleet_platform": /CONNECT: revoked/,
      "public-database/fleet_platform/CONNECT":
        /^medium PUBLIC has CONNECT .*set app-roles:databases\.fleet_platform\.revokeFromPublic: \[CONNECT, TEMPORARY\]/,
    },
  ],
  [
    "GRANT tracksolid_owner TO dashboard_app",
    "REVOKE tracksolid_owner FROM dashboard_app",
    {
      "drift/role/dashboard_app":
        /member of tracksolid_owner: undeclared .*REVOKE "tracksolid_owner" FROM "dashboard_app"/,
      "reader-writes/dashboard_app/tracksolid_db/as a member of tracksolid_owner":
        /^high dashboard_app is a reader, but can write to \d+ relations .*REVOKE "tracksolid_owner" FROM "dashboard_app" 4\.6/,
    },
  ],
  [
    "GRANT DELETE, INSERT ON tickets.comments TO PUBLIC",
    "REVOKE DELETE, INSERT ON tickets.comments FROM PUBLIC",
    {
      "reader-writes/dashboard_app/tracksolid_db/through PUBLIC":
        /1 relation .*tickets\.comments in tracksolid_db: REVOKE DELETE ON tickets\.comments FROM PUBLIC/,
      "public-relation/tracksolid_db/tickets/write":
        /^high .*in tracksolid_db: REVOKE DELETE, INSERT ON tickets\.comments FROM PUBLIC 4\.6/,
    },
  ],
  [
    "GRANT UPDATE (author) ON tickets.comments TO dashboard_app",
    "REVOKE UPDATE (author) ON tickets.comments FROM dashboard_app",
    {
      "reader-writes/dashboard_app/tracksolid_db/by grants to it":
        /REVOKE UPDATE \("author"\) ON tickets\.comments FROM "dashboard_app"/,
    },
  ],
  [
    "GRANT pg_write_all_data TO dashboard_app",
    "REVOKE pg_write_all_data FROM dashboard_app",
    {
      "drift/role/dashboard_app": /member of pg_write_all_data/,
      "reader-writes/dashboard_app/tracksolid_db/as a member of pg_write_all_data": /can write/,
    },
  ],
  [
    "GRANT SELECT ON tickets.comments TO PUBLIC",
    "REVOKE SELECT ON tickets.comments FROM PUBLIC",
    { "public-relation/tracksolid_db/tickets/read": /^medium PUBLIC can read 1 relation/ },
  ],
  [
    "GRANT CREATE ON SCHEMA public TO PUBLIC",
    "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    { "public-schema/tracksolid_db/public": /^high .*REVOKE CREATE ON SCHEMA public FROM PUBLIC/ },
  ],
  [
    "GRANT CREATE, CONNECT ON DATABASE fleet_platform TO PUBLIC",
    "REVOKE CREATE, CONNECT ON DATABASE fleet_platform FROM PUBLIC",
    {
      "drift/public/fleet_platform": /CONNECT: revoked/,
      "public-database/fleet_platform/CREATE": /REVOKE CREATE ON DATABASE "fleet_platform" FROM PUBLIC/,
      "public-database/fleet_platform/CONNECT": /: \[CONNECT, TEMPORARY\], then pulumi up --stack prod/,
    },
  ],
  [
    "ALTER ROLE grafana_ro SUPERUSER",
    "ALTER ROLE grafana_ro NOSUPERUSER",
    {
      "elevated-login/grafana_ro": /^high .*NOSUPERUSER/,
      "unlimited-login/grafana_ro": /^high .*live limit 5, superuser ALTER ROLE "grafana_ro" NOSUPERUSER 5\.5$/,
    },
  ],
  [
    "GRANT CREATE ON DATABASE postgres TO PUBLIC",
    "REVOKE CREATE ON DATABASE postgres FROM PUBLIC",
    { "public-database/postgres/CREATE": /^high .*REVOKE CREATE ON DATABASE "postgres" FROM PUBLIC/ },
  ],
  [
    'CREATE ROLE "str$(id)\nanger" LOGIN CONNECTION LIMIT 2',
    'DROP ROLE "str$(id)\nanger"',
    {
      "undeclared-login/str$(id)\\x0aanger":
        /^medium .*can log in \(limit 2\).*pulumi config set --path 'app-roles:existingRoles\["str\$\(id\)\\nanger"\]\.connectionLimit'/s,
    },
  ],
  [
    "CREATE ROLE stranger LOGIN CREATEROLE",
    "DROP ROLE stranger",
    {
      "undeclared-login/stranger":
        /^high .*unlimited.*connectionLimit 5 --stack prod, then ALTER ROLE "stranger" CONNECTION LIMIT 5 .*NOLOGIN 5\.5$/,
      "elevated-login/stranger": /^medium .*ALTER ROLE "stranger" NOCREATEROLE 4\.3/,
    },
  ],
  [
    "ALTER ROLE gateway_app SUPERUSER BYPASSRLS",
    "ALTER ROLE gateway_app NOSUPERUSER NOBYPASSRLS",
    { "elevated-login/gateway_app": /^high .*SUPERUSER, BYPASSRLS .*NOSUPERUSER NOBYPASSRLS 4\.3/ },
  ],
  [
    "ALTER ROLE grafana_ro CONNECTION LIMIT -1",
    "ALTER ROLE grafana_ro CONNECTION LIMIT 5",
    { "unlimited-login/grafana_ro": /^high .*declared 5, live unlimited .*CONNECTION LIMIT 5.* 5\.5$/ },
  ],
  [
    "ALTER ROLE analytics_ro NOLOGIN",
    "ALTER ROLE analytics_ro LOGIN",
    { "missing-role/analytics_ro": /^low .*pulumi config rm --path app-roles:existingRoles\.analytics_ro/ },
  ],
  [
    "ALTER ROLE gateway_app RENAME TO gone",
    "ALTER ROLE gone RENAME TO gateway_app",
    { "missing-role/gateway_app": /^high gateway_app is declared, but/, "undeclared-login/gone": /limit 3/ },
  ],
  [
    "ALTER ROLE analytics_ro CONNECTION LIMIT 60",
    "ALTER ROLE analytics_ro CONNECTION LIMIT 8",
    {
      "limits-sum/server": /^high .*6 login roles|^high .*add up to 1\d\d, but the server has 97 slots/,
      "unlimited-login/analytics_ro": /declared 8, live limit 60/,
    },
  ],
  [
    "SET password_encryption = md5; ALTER ROLE analytics_ro PASSWORD 'x'; ALTER ROLE dashboard_app PASSWORD 'x'; RESET password_encryption",
    "ALTER ROLE analytics_ro PASSWORD 'analytics_ro'; ALTER ROLE dashboard_app PASSWORD 'dashboard_app'",
    {
      "md5-password/analytics_ro": /^medium .*password_encryption = 'scram-sha-256'/,
      "md5-password/dashboard_app": /^medium .*app-roles rotate dashboard_app --stack prod/,
    },
  ],
  [
    "ALTER ROLE gateway_app VALID UNTIL '2020-01-01'; ALTER ROLE grafana_ro VALID UNTIL '2020-01-01'",
    "ALTER ROLE gateway_app VALID UNTIL 'infinity'; ALTER ROLE grafana_ro VALID UNTIL 'infinity'",
    {
      "password-expiry/gateway_app": /^high .*expired on 2020-01-01/,
      "password-expiry/grafana_ro": /^high .*expired on 2020-01-01/,
    },
  ],
  [
    "ALTER ROLE gateway_app VALID UNTIL '2100-01-01'; ALTER ROLE grafana_ro VALID UNTIL '2100-01-01'; ALTER ROLE tracksolid_owner VALID UNTIL '2100-01-01'",
    "ALTER ROLE gateway_app VALID UNTIL 'infinity'; ALTER ROLE grafana_ro VALID UNTIL 'infinity'; ALTER ROLE tracksolid_owner VALID UNTIL 'infinity'",
    {
      "password-expiry/analytics_ro": /^low .*never expires/,
      "password-expiry/dashboard_app": /never expires/,
      "password-expiry/dashboard_ro": /never expires/,
      "password-expiry/postgres": /never expires/,
      "password-expiry/reporting_refresher": /never expires/,
    },
    { requireExpiry: true },
  ],
  [
    "SELECT",
    "SELECT",
    {
      "password-age/dashboard_app": /^medium .*is 100 days old .*rotate dashboard_app --stack prod/,
      "password-age/gateway_app": /100 days/,
      "password-age/tracksolid_owner": /100 days/,
    },
    { maxPasswordAge: 99 },
  ],
  ["SELECT", "SELECT", {}, { maxPasswordAge: 100 }],
];

test.each(changes)("%s", async (sql, undo, expected, options = {}) => {
  await tracksolid.query(sql);
  try {
    const audit = await auditOf(options);
    const { findings, unchecked } = auditDocument(audit);
    const lines = findings.map(({ id, severity, what, fix, cis }) => [
      id,
      `${severity} ${what} ${fix} ${cis?.number ?? ""}`.trim(),
    ]);
    const found = Object.fromEntries(lines) as Record<string, string>;
    expect(Object.keys(found).toSorted()).toEqual(Object.keys(expected).toSorted());
    for (const [id, words] of Object.entries(expected)) expect(found[id]).toMatch(words);
    expect(unchecked).toEqual([]);
  } finally {
    await tracksolid.query(undo);
  }
});

describe("sessions", () => {
  test("at and above a limit, of a superuser's service, and the whole server", async () => {
    const login = { user: "gateway_app", password: "gateway_app", database: "fleet_platform" };
    const pool = await Promise.all([1, 2, 3].map(() => postgres.connect(login)));
    const service = await postgres.connect({ database: "tracksolid_db" });
    await service.query("SET application_name = dashboard_api");
    try {
      const reached = auditDocument(await auditOf()).findings;
      expect(reached.map(({ id, severity, what, fix }) => [id, severity, what, fix])).toEqual([
        [
          "session-limit/gateway_app",
          "medium",
          "gateway_app had 3 sessions, all of its limit: its next login would be refused",
          "lower its pool, or within the budget: pulumi config set --path app-roles:roles.gateway_app.connectionLimit 4 --stack prod && pulumi up --stack prod",
        ],
        [
          "superuser-session/postgres/dashboard_api@127.0.0.1/tracksolid_db",
          "high",
          "dashboard_api at 127.0.0.1 uses the superuser postgres: 1 session in tracksolid_db",
          "npx app-roles cutover dashboard_api --stack prod",
        ],
      ]);
      await admin.query("ALTER ROLE gateway_app CONNECTION LIMIT 2");
      const above = auditDocument(await auditOf({ ignore: ["superuser-session", "drift/role/gateway_app"] }));
      expect(above).toMatchObject({
        findings: [{ id: "session-limit/gateway_app", severity: "high" }],
        ignored: ["superuser-session/postgres/dashboard_api@127.0.0.1/tracksolid_db", "drift/role/gateway_app"],
      });
    } finally {
      await admin.query("ALTER ROLE gateway_app CONNECTION LIMIT 3");
      await Promise.all([...pool, service].map((each) => each.end()));
    }
  });

  test("the peak of the watch counts, not the last look", async () => {
    const session = await postgres.connect({
      user: "dashboard_app",
      password: "dashboard_app",
      database: "tracksolid_db",
    });
    const looks = auditSubject({ address: postgres.address, namedBy: "stack", declared }, { watch: 2500 }, false);
    const isSeen = async () =>
      (await admin.query("SELECT FROM pg_stat_activity WHERE application_name = 'app-roles'")).rowCount;
    while (!(await isSeen()));
    await new Promise((resolve) => setTimeout(resolve, 1200));
    await session.end();
    const { roles, sessions } = auditDocument(await looks);
    expect(roles.find(({ role }) => role === "dashboard_app")).toMatchObject({ peak: 1, sessions: 0 });
    expect(sessions.looks).toBeGreaterThan(1);
  });
});

test("trust lines of pg_hba.conf", async () => {
  const { rows } = await admin.query<{ file: string }>("SELECT current_setting('hba_file') AS file");
  const file = rows[0]?.file as string;
  const before = await readFile(file);
  await appendFile(file, "\nhost all all 10.0.0.0/8 trust\nlocal fleet_platform all trust\n");
  try {
    const { findings } = auditDocument(await auditOf());
    expect(findings.map(({ severity, what, cis }) => [severity, what, cis?.number])).toEqual([
      ["high", expect.stringMatching(/line \d+ \(trust\) lets all in to all from 10\.0\.0\.0\/8 /), "5.4"],
      ["medium", expect.stringMatching(/in to fleet_platform over the Unix socket/), "5.3"],
    ]);
  } finally {
    await writeFile(file, before);
  }
});

describe("what cannot be seen is no result", () => {
  beforeAll(() => admin.query("CREATE ROLE auditor LOGIN PASSWORD 'auditor' CONNECTION LIMIT 2"));
  afterAll(() => admin.query("DROP OWNED BY auditor; DROP ROLE auditor"));
  const login = () => ({ ...postgres.address, user: "auditor", password: "auditor" });

  test("a monitoring role: the rest is checked", async () => {
    await admin.query(
      "GRANT pg_monitor TO auditor; GRANT CONNECT ON DATABASE tracksolid_db, fleet_platform TO auditor",
    );
    const audit = await auditOf(
      { ignore: ["undeclared-login/auditor"] },
      { address: login(), namedBy: "URL", declared },
    );
    expect(outcomeOf(audit)).toBe("unchecked");
    expect(audit.findings.unchecked.map(({ check, fix }) => [check, fix])).toEqual([
      ["md5-password", expect.stringContaining("GRANT SELECT ON pg_authid")],
      ["trust-line", expect.stringContaining("GRANT SELECT ON pg_hba_file_rules")],
    ]);
    expect(audit.findings.found).toEqual([]);
    const accepted = await auditOf(
      { ignore: ["undeclared-login/auditor", "md5-password", "trust-line"] },
      { address: login(), namedBy: "URL", declared },
    );
    expect(outcomeOf(accepted)).toBe("ok");
  });

  test("a role without any privileges: neither applications, nor databases it cannot connect to", async () => {
    await admin.query(
      "REVOKE pg_monitor FROM auditor; REVOKE CONNECT ON DATABASE tracksolid_db, fleet_platform FROM auditor",
    );
    const service = await postgres.connect();
    await service.query("SET application_name = etl");
    const audit = await auditOf(
      { ignore: ["undeclared-login/auditor"] },
      { address: login(), namedBy: "URL", declared },
    );
    await service.end();
    const said = audit.findings.unchecked.map(({ check, why }) => `${check}: ${why}`).join("\n");
    expect(audit.findings.notes).toEqual([expect.stringContaining("GRANT pg_read_all_stats")]);
    expect(audit.findings.found.map(({ what }) => what)).toEqual([
      "etl uses the superuser postgres: 1 session in postgres",
    ]);
    expect(said).toMatch(/drift: owners in tracksolid_db: .*permission denied for database/);
    expect(said).toMatch(/reader-writes: .*permission denied for database/);
  });

  test("an unreadable state", async () => {
    const audit = await auditOf(
      {},
      { address: postgres.address, namedBy: "stack", declared: { ...declared, state: new Error("no passphrase") } },
    );
    expect(audit.findings.unchecked).toMatchObject([{ check: "drift", why: "no passphrase" }]);
  });

  test("a stack that was never deployed is one finding", async () => {
    await admin.query("ALTER ROLE gateway_app RENAME TO auditor_too");
    const audit = await auditOf(
      { ignore: ["undeclared-login"] },
      { address: postgres.address, namedBy: "stack", declared: { ...declared, state: {} } },
    );
    await admin.query("ALTER ROLE auditor_too RENAME TO gateway_app");
    expect(auditDocument(audit).findings).toMatchObject([
      { id: "deployment/prod", severity: "high", fix: "pulumi up --stack prod" },
    ]);
  });

  test("without a stack: what every server should have, and a note", async () => {
    await admin.query("CREATE ROLE stranger LOGIN");
    try {
      const audit = await auditOf({}, { address: postgres.address, namedBy: "stack", declared: undefined as never });
      expect(auditDocument(audit)).toMatchObject({
        stack: null,
        budget: null,
        findings: [{ id: "unlimited-login/stranger", cis: { number: "5.5" } }],
        notes: [expect.stringContaining("no stack is declared")],
      });
    } finally {
      await admin.query("DROP ROLE stranger");
    }
  });

  test("a server that goes away ends the audit, and says during what", async () => {
    const end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'app-roles'";
    let isEnding = false;
    const server = new (class extends ReadOnlyServer {
      override anySession<T>(work: (db: Queryable) => Promise<T>): Promise<T> {
        return super.anySession(async (db) => {
          if (isEnding) await admin.query(end);
          return work(db);
        });
      }
    })({ address: postgres.address, namedBy: "stack" });
    try {
      const observations = new Observations();
      observations.add(await server.anySession(observe));
      const ended = examine(
        server,
        { address: postgres.address, namedBy: "stack", declared },
        observations,
        {},
        (doing) => {
          isEnding = doing === "checking drift";
        },
      );
      await expect(ended).rejects.toThrow(
        /^checking drift: the server at 127\.0\.0\.1:\d+ ended the connection: .*Check that it is up, then run this again$/,
      );
    } finally {
      await server.close();
    }
  });
});

test("roles unused for N days are known from the history of earlier audits", async () => {
  const folder = await mkdtemp(join(tmpdir(), "app-roles-history-"));
  const history = join(folder, "history.json");
  try {
    const first = await auditOf({ history, unusedDays: 30 });
    expect(first.findings.found).toEqual([]);
    expect(first.findings.notes).toEqual([expect.stringMatching(/unused roles: the history begins .*, so a role/)]);
    // 40 days later.
    const day = 86_400_000;
    const aged = (await readFile(history, "utf8")).replaceAll(/"20[^"]*Z"/g, (text) =>
      JSON.stringify(new Date(Date.parse(text.slice(1, -1)) - 40 * day)),
    );
    await writeFile(history, aged);
    const session = await postgres.connect({ user: "grafana_ro", password: "grafana_ro", database: "tracksolid_db" });
    const second = auditDocument(await auditOf({ history, unusedDays: 30 }));
    await session.end();
    expect(second.findings.map(({ id }) => id)).toEqual(
      ["analytics_ro", "dashboard_app", "dashboard_ro", "gateway_app", "reporting_refresher", "tracksolid_owner"].map(
        (role) => `unused-role/${role}`,
      ),
    );
    expect(second.findings[0]).toMatchObject({
      severity: "low",
      what: expect.stringContaining("at 2 audits"),
      cis: { number: "4.4" },
    });
    await writeFile(history, "{}");
    await expect(auditOf({ history })).rejects.toThrow(/is not a history of audits/);
    expect(await readFile(history, "utf8")).toBe("{}");
  } finally {
    await rm(folder, { recursive: true });
  }
});

describe("the statement in a fix ends its finding", () => {
  const role = 'we"ird 100%\nröle';
  const schema = 's "1"\nx';
  const [quotedRole, quotedSchema] = [role, schema].map((name) => `"${name.replaceAll('"', '""')}"`);

  beforeAll(async () => {
    await admin.query(`CREATE ROLE ${quotedRole} LOGIN CREATEDB PASSWORD 'x' VALID UNTIL '2020-01-01'`);
    await admin.query(
      "CREATE ROLE outer_group; CREATE ROLE inner_group; CREATE ROLE granter; CREATE ROLE keeper CREATEROLE",
    );
    await tracksolid.query(`
      CREATE SCHEMA ${quotedSchema} CREATE TABLE "t % ü" (id int, "c ol" int) CREATE TABLE w (id int) CREATE TABLE mine (id int)
        CREATE TABLE parts (id int) PARTITION BY RANGE (id);
      CREATE TABLE ${quotedSchema}.part PARTITION OF ${quotedSchema}.parts FOR VALUES FROM (0) TO (9);
      ALTER TABLE ${quotedSchema}.mine OWNER TO dashboard_app;
      GRANT USAGE, CREATE ON SCHEMA ${quotedSchema} TO PUBLIC;
      GRANT SELECT ("c ol") ON ${quotedSchema}."t % ü" TO PUBLIC;
      GRANT INSERT ON ${quotedSchema}.w TO granter WITH GRANT OPTION;
      SET ROLE granter; GRANT INSERT ON ${quotedSchema}.w TO PUBLIC; RESET ROLE;
      GRANT SELECT, DELETE ON ${quotedSchema}.part TO PUBLIC;
      GRANT TRUNCATE ON ${quotedSchema}.w TO outer_group;
      GRANT outer_group TO inner_group; GRANT inner_group TO keeper WITH ADMIN OPTION;
      SET ROLE keeper; GRANT inner_group TO dashboard_app; RESET ROLE`);
  });
  afterAll(async () => {
    await tracksolid.query(`RESET ROLE; DROP SCHEMA ${quotedSchema} CASCADE; DROP OWNED BY keeper CASCADE`);
    await admin.query(`DROP ROLE ${quotedRole}, outer_group, inner_group, granter, keeper`);
  });

  test("also with names that need quotes, a grant by another grantor and a membership of a member", async () => {
    const options = { ignore: ["public-database"] };
    const { findings } = auditDocument(await auditOf(options));
    expect(findings.map(({ id }) => id).toSorted()).toEqual(
      [
        "drift/role/dashboard_app",
        `elevated-login/${role}`,
        `password-expiry/${role}`,
        `public-relation/tracksolid_db/${quotedSchema}/read`,
        `public-relation/tracksolid_db/${quotedSchema}/write`,
        `public-schema/tracksolid_db/${quotedSchema}`,
        "reader-writes/dashboard_app/tracksolid_db/as a member of outer_group",
        "reader-writes/dashboard_app/tracksolid_db/as their owner",
        "reader-writes/dashboard_app/tracksolid_db/through PUBLIC",
        `undeclared-login/${role}`,
      ]
        .map((id) => id.replaceAll("\n", "\\x0a"))
        .toSorted(),
    );
    for (const { fix } of findings) {
      expect(fix).not.toMatch(/\p{Cc}/u);
      const statement = fix.replace("in tracksolid_db: ", "").replace(/^pulumi .*; or: /, "");
      await tracksolid.query(statement);
    }
    expect(auditDocument(await auditOf(options)).findings).toEqual([]);
  });
});

const estates = [["kinds.sql"], ["kinds.sql", "owned-kinds.sql"], ["platform.sql"], ["rental.sql"]];
test.for(estates)("a stranger's estate: %s %s", async (files, { skip }) => {
  const { rows } = await admin.query<{ version: number }>(
    "SELECT current_setting('server_version_num')::int AS version",
  );
  skip(files.includes("platform.sql") && (rows[0]?.version ?? 0) < 150_000, "its views have security_invoker");
  await admin.query("CREATE DATABASE stranger");
  const db = await postgres.connect({ database: "stranger" });
  try {
    for (const file of files)
      await db.query(await readFile(new URL(`../../provider/estates/${file}`, import.meta.url), "utf8"));
    await db.end();
    const audit = await auditOf({}, { address: postgres.address, namedBy: "stack", declared: undefined as never });
    expect(audit.findings.unchecked).toEqual([]);
    for (const { fix, what } of audit.findings.found)
      expect([fix, what]).not.toContainEqual(expect.stringMatching(/undefined|NaN/));
  } finally {
    await admin.query("DROP DATABASE stranger WITH (FORCE)");
  }
});
