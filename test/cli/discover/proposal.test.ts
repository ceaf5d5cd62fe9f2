import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import type { DatabaseEstate, EstateObject } from "../../../cli/discover/estate.ts";
import type { Need } from "../../../cli/discover/evidence.ts";
import { propose } from "../../../cli/discover/proposal.ts";
import type { Findings } from "../../../cli/discover/proposed/config.ts";
import type { SeenService } from "../../../cli/discover/services.ts";
import { stackDocument } from "../../../cli/discover/stack-document.ts";
import { parseStack } from "../../../config/parse-stack.ts";
import { declaredViolations } from "../../../policies/declared.ts";

const object = (key: string, owner = "postgres"): EstateObject => ({
  key,
  schema: key.replace(/^\w+ (?=\w+\.)/, "").split(".")[0] as string,
  owner,
  isSuperusers: owner === "postgres",
});

function estate(name: string, objects: EstateObject[], more: Partial<DatabaseEstate> = {}): DatabaseEstate {
  const schemas = [...new Set(objects.map(({ schema }) => schema))].toSorted();
  return { name, schemas, objects, ledgers: [], ...more };
}

const service = (name: string, database: string, more: Partial<SeenService> = {}): SeenService => ({
  name,
  nameProblem: undefined,
  database,
  user: "postgres",
  clients: [],
  applications: [name],
  addresses: ["10.0.0.1"],
  container: undefined,
  sessions: 4,
  replicas: 1,
  perReplica: 4,
  busyPerReplica: 1,
  idleShare: 0.9,
  idleInTransaction: 0,
  startedAt: undefined,
  ...more,
});

const need = (access: Need["access"], migrates: Need["migrates"], more: Partial<Need> = {}): Need => ({
  access,
  migrates,
  grants: {},
  alsoOwn: [],
  reasons: [],
  ...more,
});

function findings(services: [SeenService, Need?][], estates: DatabaseEstate[], more: Partial<Findings> = {}): Findings {
  return {
    address: {
      host: "db",
      port: 5432,
      user: "postgres",
      password: "hunter2",
      database: "postgres",
      sslmode: "require",
    },
    server: {
      version: "18.4",
      isStandby: false,
      user: "postgres",
      isSuperuser: true,
      seesSessions: true,
      admin: "postgres",
      address: "10.0.0.9",
      tracksActivities: true,
      linePrefix: "",
      logTimeZone: "UTC",
      logsDdl: false,
      logsAll: false,
      querySize: 1024,
      configuredAt: new Date(0),
      roleNames: ["postgres", "grafana_ro"],
      databaseNames: ["postgres", "shop"],
      roleSettings: [],
      slots: { max: 100, superuserReserved: 3, reserved: 0, used: 10 },
      roles: [
        { role: "grafana_ro", limit: 5, superuser: false, sessions: 0 },
        { role: "postgres", limit: -1, superuser: true, sessions: 9 },
      ],
    },
    serverContainer: undefined,
    who: {
      services: services.map(([seen]) => seen),
      people: [],
      tools: [],
      replication: [],
      existing: new Map(),
      onlyAddress: undefined,
      isPooler: false,
    },
    estates,
    needs: new Map(services.flatMap(([seen, one]) => (one ? [[seen.name, one]] : []))),
    activity: new Map(),
    ...more,
  };
}

/** The proposal, whose file must be a valid stack that no policy refuses. */
function proposed(...args: Parameters<typeof findings>) {
  const proposal = propose(findings(...args));
  const text = stackDocument(proposal);
  const { config } = parse(text) as { config: Record<string, unknown> };
  const keys = Object.entries(config).map(([key, value]) => [key.replace(/^app-roles:/, ""), value]);
  expect(declaredViolations(parseStack(Object.fromEntries(keys)))).toEqual([]);
  expect(Object.fromEntries(keys)).toEqual(JSON.parse(JSON.stringify(proposal.config)));
  expect(text).not.toContain("hunter2");
  return { ...proposal, text };
}

const shop = estate("shop_db", [
  object("shop.items"),
  object("shop.v_totals", "refresher"),
  object("function shop.f(integer)"),
]);

describe("services that migrate", () => {
  const { config, text } = proposed(
    [
      [service("worker", "shop_db"), need("owner", true)],
      [service("api", "shop_db"), need("owner", true)],
      [service("board_api", "shop_db"), need("reader", false)],
      [service("cron", "shop_db")],
    ],
    [shop],
  );
  test("share the owner of their database; others have a role of their own", () => {
    expect(config.databases).toEqual({
      shop_db: { schemas: ["shop"], owner: "shop_owner", keepOwner: { "shop.v_totals": "refresher" } },
    });
    expect(Object.values(config.services).map(({ role }) => role)).toEqual([
      "board_app",
      "shop_owner",
      "shop_owner",
      "cron_app",
    ]);
    expect(config.roles.shop_owner).toEqual({ connectionLimit: 18, access: { shop_db: "owner" } });
    expect(config.roles.cron_app?.access).toEqual({ shop_db: "writer" });
  });
  test("come after readers and before what is not confirmed", () => {
    expect(Object.keys(config.services)).toEqual(["board_api", "worker", "api", "cron"]);
  });
  test("comments are only where a person must decide", () => {
    expect(text.match(/^ *# .*/gm)?.map((line) => line.trim())).toEqual([
      "# Proposed by app-roles discover. docs/config.md explains every key.",
      "# Before the first preview: pulumi config set --secret adminPassword",
      "# What the services connect to, as in their DATABASE_URL; this is the address that discover used.",
      "# These objects have an owner of their own, which keeps them.",
      "# Not confirmed: none of its statements was seen. Stop it, and start it while discover watches with --log (with",
      "# --docker a restart is enough), or read its start command.",
      '# app-roles confirm cron --migrates false --because "..."',
    ]);
  });
});

test("what is not certain, and what no role can have, is left to a person", () => {
  const reason = (subject: string, what: string, certainty: "certain" | "likely") => ({
    subject,
    what,
    line: `${what}, 9 times, last 14:02`,
    certainty,
  });
  const reasons = [
    reason("access", "only reads were seen, in samples of its statements", "likely"),
    reason("migrates", "shop.t9 was created, and no other client uses the database", "likely"),
    reason("functions.shop.f", "EXECUTE on function shop.f()", "likely"),
    reason("tables.audit.log", "INSERT on audit.log", "certain"),
    reason("superuser", "ownership of schema shop", "certain"),
    reason("skipped", "VACUUM on shop.items", "certain"),
    reason("unknown", "dynamic EXECUTE in shop.f", "likely"),
  ];
  const grants = { functions: { "shop.f": ["EXECUTE"] }, tables: { "audit.log": ["INSERT"] } };
  const { decisions, text } = proposed(
    [[service("api", "shop_db"), need("reader", false, { reasons, grants })]],
    [shop],
  );
  const of = (...path: string[]) =>
    decisions.filter((each) => each.path.join() === path.join()).map((each) => each.text);
  expect(of("roles", "api_app", "access")).toEqual([
    "Not certain for api: only reads were seen, in samples of its statements. A log with log_statement = all tells.",
  ]);
  expect(of("services", "api", "migrates")).toEqual([
    "Not certain: shop.t9 was created, and no other client uses the database.",
  ]);
  expect(of("roles", "api_app", "grants")).toEqual([
    "api may need EXECUTE on function shop.f(): a function's body or a name is not certain.",
  ]);
  expect(of("services", "api")).toEqual([
    "It needs more than a role of the stack can have: ownership of schema shop.",
    "Postgres will skip, with a warning, what its role does not own: VACUUM on shop.items. Leave it to autovacuum, or run it as the owner.",
    "What some of its statements need is not known: dynamic EXECUTE in shop.f.",
  ]);
  // Counts and times differ from one discovery to the next.
  expect(text).not.toMatch(/9 times|14:02/);
});

test("what can hide DDL of a service whose start was watched is named", () => {
  const hidden = { subject: "hides DDL", what: "dynamic EXECUTE in shop.f", line: "", certainty: "likely" as const };
  const api = service("api", "shop_db", { startedAt: new Date(0) });
  const { decisions } = proposed([[api, need("writer", "unconfirmed", { reasons: [hidden] })]], [shop]);
  expect(decisions.find(({ path }) => path.join() === "services,api,migrates")?.text).toBe(
    "Not confirmed: no DDL was seen, and its start was watched, but dynamic EXECUTE in shop.f can hide it. Read its start command.",
  );
});

test("a ledger elsewhere belongs to the owner, with the rights on its schema", () => {
  const ledger = { key: "public.schema_migrations", schema: "public", owner: "postgres", isSuperusers: true };
  const { config } = proposed(
    [[service("api", "shop_db"), need("owner", true, { grants: { tables: { "audit.log": ["INSERT"] } } })]],
    [
      estate("shop_db", [object("shop.items"), object("public.schema_migrations")], {
        ledgers: [{ ...ledger, schemaPrivileges: ["CREATE"] }],
      }),
    ],
  );
  expect(config.databases.shop_db).toEqual({
    schemas: ["shop"],
    owner: "shop_owner",
    alsoOwn: ["public.schema_migrations"],
  });
  expect(config.roles.shop_owner?.grants).toEqual({
    shop_db: { schemas: { public: ["CREATE"] }, tables: { "audit.log": ["INSERT"] } },
  });
});

test("settings of the legacy user are carried over, secrets are not", () => {
  const base = findings([], []).server;
  const { config, decisions, text } = proposed([[service("api", "shop_db")]], [shop], {
    server: {
      ...base,
      roleSettings: [
        {
          role: "postgres",
          database: "",
          config: ["statement_timeout=30s", "work_mem=64MB", "app.key=s3cret", "idle_session_timeout=0"],
        },
        { role: "postgres", database: "shop_db", config: ["work_mem=8MB", 'search_path="$user", shop'] },
        { role: "postgres", database: "other", config: ["jit=off"] },
        { role: "someone", database: "", config: ["jit=on"] },
      ],
    },
  });
  expect(config.roles.api_app?.settings).toEqual({
    search_path: ["$user", "shop"],
    statement_timeout: 30_000,
    work_mem: "8MB",
  });
  expect(decisions).toContainEqual({
    path: ["roles", "api_app"],
    text: "postgres also has settings whose values are not copied: app.key, idle_session_timeout. Set them here if the services need them.",
  });
  expect(text).not.toContain("s3cret");
});

test("a transaction that is idle for longer than the default raises the timeout", () => {
  const seen = service("api", "shop_db", { idleInTransaction: 1000 });
  expect(proposed([[seen]], [shop]).config.roles.api_app?.settings).toEqual({
    idle_in_transaction_session_timeout: "1h",
  });
});

test("names of the server are no harm", () => {
  const hostile = "x\n  app-roles:ceiling: 1 # \u001b[31m'\"";
  const { text, config } = proposed(
    [[service("api", hostile), need("writer", "unconfirmed")]],
    [estate(hostile, [{ key: 'table "a.b"."c"', schema: "a.b", owner: "postgres", isSuperusers: true }])],
    { activity: new Map([[hostile, { writes: [], changed: [{ name: hostile, schema: "a.b", what: "created" }] }]]) },
  );
  expect(config.ceiling).toBe(95);
  expect(text).not.toContain("\u001b");
});

test("without room nothing is proposed above the ceiling", () => {
  const base = findings([], []).server;
  const roles = [...base.roles, { role: "big", limit: 90, superuser: false, sessions: 0 }];
  expect(propose(findings([[service("api", "shop_db")]], [shop], { server: { ...base, roles } })).plan).toBeUndefined();
});
