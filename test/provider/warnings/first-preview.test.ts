import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createLegacyEstate } from "../../../sandbox/legacy/index.ts";
import { startPostgres, type TestPostgres } from "../postgres.ts";
import { upOfStack, type WarnedStack, warningsOfStack } from "./stack-warnings.ts";

let postgres: TestPostgres;

beforeAll(async () => {
  postgres = await startPostgres();
  await createLegacyEstate(postgres.address);
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  const admin = await postgres.connect();
  await admin.query("DROP DATABASE IF EXISTS shop WITH (FORCE)");
  const { rows } = await admin.query<{ role: string }>(
    "SELECT quote_ident(rolname) AS role FROM pg_roles WHERE oid >= 16384 AND rolname !~ '_ro$|^reporting_'",
  );
  const roles = rows.map(({ role }) => role).join(", ");
  for (const database of roles ? ["fleet_platform", "tracksolid_db", "postgres"] : []) {
    const db = await postgres.connect({ database });
    await db.query(`DROP OWNED BY ${roles}`);
    await db.end();
  }
  if (roles) await admin.query(`DROP ROLE ${roles}`);
  await admin.query("CREATE DATABASE shop");
  await admin.end();
});

const legacyUsers = ["postgres"];

/** A database `shop` created by the SQL, and a stack on it. */
interface Estate {
  sql: string | URL;
  stack: WarnedStack;
  /** Patterns that the warnings must match, and must not match. */
  says?: RegExp[];
  silent?: RegExp[];
}

const file = (name: string) => new URL(`../${name}`, import.meta.url);
const owned = (schemas: string[], more: object = {}) => ({ shop: { schemas, owner: "shop_owner", ...more } });
const roles: WarnedStack["roles"] = {
  shop_owner: { access: { shop: "owner" } },
  shop_writer: { access: { shop: "writer" } },
  shop_reader: { access: { shop: "reader" } },
};

const estates: Record<string, Estate> = {
  "every kind of object": {
    sql: file("estates/kinds.sql"),
    stack: { databases: owned(["app", 'Odd " schema']), roles, legacyUsers },
  },
  "a rental shop with partitions elsewhere": {
    sql: file("estates/rental.sql"),
    stack: { databases: owned(["shop"], { alsoOwn: ["public.schema_migrations"] }), roles, legacyUsers },
    says: [/function shop\.in_stock\(integer\): SECURITY DEFINER/, /partman\.part_config/],
  },
  "a platform with several owners": {
    sql: file("estates/platform.sql"),
    stack: { databases: owned(["app"]), roles, legacyUsers },
    says: [
      /app\.authors: .*has no EXECUTE on function auth\.email_of/,
      /app\.mine: it reads auth\.users/,
      /app\.me: it calls/,
    ],
  },
  "a platform with all schemas managed": {
    sql: file("estates/platform.sql"),
    stack: {
      databases: owned(["app", "auth", "storage"], { keepOwner: { "auth.users": "auth_admin" } }),
      roles,
      legacyUsers: ["postgres", "storage_admin"],
    },
  },
  "a view that reads with its reader's privileges, and explicit grants": {
    sql: `CREATE SCHEMA app; CREATE SCHEMA audit; CREATE TABLE app.a (id int); CREATE TABLE audit.log (id int, who text);
          CREATE TABLE audit.other (id int); CREATE FUNCTION audit.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
          REVOKE EXECUTE ON FUNCTION audit.f() FROM PUBLIC;
          CREATE VIEW app.recent WITH (security_invoker = true) AS SELECT id, who FROM audit.log;
          CREATE VIEW app.calls AS SELECT audit.f();
          CREATE VIEW app.wide WITH (security_invoker = true) AS SELECT * FROM audit.other`,
    stack: {
      databases: owned(["app"]),
      roles: {
        ...roles,
        shop_reader: {
          access: { shop: "reader" },
          grants: {
            shop: {
              schemas: { audit: ["USAGE"] },
              tables: { "audit.other": ["SELECT"] },
              columns: { "audit.log": { SELECT: ["id", "who"] } },
              functions: { "audit.f": ["EXECUTE"] },
            },
          },
        },
      },
      legacyUsers,
    },
    says: [/shop_writer\/shop: app\.recent: it reads audit\.log/, /shop_writer\/shop: app\.calls: it calls/],
    silent: [/shop_reader\/shop/, /^Baseline shop: audit/],
  },
  "a role with explicit grants only, and the ledger granted by name": {
    sql: `CREATE SCHEMA app; CREATE TABLE app.a (id int); CREATE TABLE public.schema_migrations (v text); CREATE TABLE public.b (id int);
          CREATE VIEW public.v WITH (security_invoker = true) AS SELECT * FROM public.b`,
    stack: {
      databases: owned(["app"]),
      roles: {
        shop_owner: {
          access: { shop: "owner" },
          grants: { shop: { tables: { "public.schema_migrations": ["SELECT", "INSERT"] } } },
        },
        importer: { grants: { shop: { schemas: { public: ["CREATE"] }, tables: { "public.v": ["SELECT"] } } } },
      },
      legacyUsers,
    },
    says: [/Privileges importer\/shop: public\.v: it reads public\.b/, /^Baseline shop: public\.b: /],
    silent: [/looks like a migration tool's ledger/],
  },
  "CONNECT by PUBLIC, for roles with and without access": {
    sql: "CREATE SCHEMA app; CREATE TABLE app.a (id int)",
    stack: {
      databases: { shop: { schemas: ["app"] }, fleet_platform: { schemas: ["fleet"] } },
      roles: { shop_reader: { access: { shop: "reader" } }, fleet_writer: { access: { fleet_platform: "writer" } } },
      legacyUsers,
    },
    says: [
      /^ConnectionBudget: database shop: PUBLIC can connect, and so can fleet_writer/,
      /^ConnectionBudget: database fleet_platform: PUBLIC can connect, and so can shop_reader/,
    ],
  },
  "CONNECT that this up revokes from PUBLIC": {
    sql: "CREATE SCHEMA app; CREATE TABLE app.a (id int)",
    stack: {
      databases: { shop: { schemas: ["app"], revokeFromPublic: ["CONNECT"] }, fleet_platform: { schemas: ["fleet"] } },
      roles: { shop_reader: { access: { shop: "reader" } }, fleet_writer: { access: { fleet_platform: "writer" } } },
      legacyUsers,
    },
    silent: [/database shop: PUBLIC/],
  },
  "an adopted superuser that owns the tables, and its own database": {
    sql: `CREATE ROLE legacy LOGIN SUPERUSER; CREATE ROLE etl LOGIN; CREATE SCHEMA app; CREATE TABLE app.a (id int); ALTER TABLE app.a OWNER TO legacy;
          CREATE TABLE app.b (id int); ALTER TABLE app.b OWNER TO etl; ALTER TABLE app.b ENABLE ROW LEVEL SECURITY;
          CREATE FUNCTION app.f() RETURNS text LANGUAGE sql AS $$ SELECT pg_read_file('x') $$;
          CREATE FUNCTION app.g() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$ SELECT pg_read_file('x') $$; ALTER FUNCTION app.g OWNER TO etl;
          CREATE VIEW app.v AS SELECT * FROM app.b`,
    stack: {
      databases: owned(["app"]),
      roles: { ...roles, legacy: { access: { shop: "reader" }, adopt: true } },
      legacyUsers: ["postgres", "etl"],
    },
    says: [
      /legacy\/shop: function app\.f\(\): its source uses/,
      /shop_reader\/shop: app\.b: row level security/,
      /app\.b.*the previous owner etl/,
    ],
    silent: [/PUBLIC can connect, and so can legacy/],
  },
  "the runbook's estate": {
    sql: "SELECT",
    stack: {
      databases: {
        tracksolid_db: {
          schemas: ["tracksolid", "reporting", "tickets"],
          owner: "tracksolid_owner",
          keepOwner: { "reporting.v_trips": "reporting_refresher" },
        },
        fleet_platform: { schemas: ["fleet"] },
      },
      roles: {
        tracksolid_owner: { access: { tracksolid_db: "owner" } },
        dashboard_app: { access: { tracksolid_db: "reader" } },
        gateway_app: { access: { fleet_platform: "writer" } },
      },
      legacyUsers,
    },
  },
};

test.each(Object.entries(estates))(
  "the first preview has the same warnings as a preview after the up: %s",
  async (_, { sql, stack, ...expected }) => {
    const db = await postgres.connect({ database: "shop" });
    await db.query(typeof sql === "string" ? sql : await readFile(sql, "utf8"));
    await db.end();
    const first = await warningsOfStack(postgres, stack);
    await upOfStack(postgres, stack, first.snapshots);
    const after = await warningsOfStack(postgres, stack, first.snapshots);
    expect(first.warnings).toEqual(after.warnings);
    for (const one of expected.says ?? []) expect(first.warnings).toContainEqual(expect.stringMatching(one));
    for (const one of expected.silent ?? []) expect(first.warnings).not.toContainEqual(expect.stringMatching(one));
  },
);
