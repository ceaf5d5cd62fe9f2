import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { baseline } from "../../../provider/baseline/resource.ts";
import { movesTowards, restoringMoves } from "../../../provider/ownership/moves.ts";
import { readOwnedObjects } from "../../../provider/ownership/objects.ts";
import { reassign } from "../../../provider/ownership/reassign.ts";
import { ownership } from "../../../provider/ownership/resource.ts";
import { Server } from "../../../provider/postgres/connection.ts";
import { Incomplete } from "../../../provider/reconciler.ts";
import { unknown } from "../../../provider/rpc/values.ts";
import { createLegacyEstate } from "../../../sandbox/legacy/index.ts";
import { testCall } from "../calls.ts";
import { observe } from "../observe.ts";
import { startPostgres, type TestPostgres } from "../postgres.ts";

const database = "tracksolid_db";
const schemas = ["tracksolid", "reporting", "tickets"];
type Inputs = Parameters<ReturnType<typeof ownership>["plan"]>[0];

let postgres: TestPostgres;
let server: Server;
let resource: ReturnType<typeof ownership>;

beforeAll(async () => {
  postgres = await startPostgres();
  await createLegacyEstate(postgres.address);
  const admin = await postgres.connect({ database });
  await admin.query("CREATE ROLE tracksolid_owner LOGIN");
  for (const schema of schemas) await admin.query(`GRANT USAGE, CREATE ON SCHEMA ${schema} TO tracksolid_owner`);
  server = new Server(postgres.address);
  resource = ownership(server);
});
afterAll(async () => {
  await server.close();
  await postgres.stop();
});

async function recorded(): Promise<Inputs["former"]> {
  const { observed } = await baseline(server).plan(
    { database, schemas, keepOwner: {}, alsoOwn: [], roles: ["tracksolid_owner_new"] },
    undefined,
    {},
  );
  return observed?.snapshot as unknown as Inputs["former"];
}

function inputs(former: Inputs["former"], more: Partial<Inputs> = {}): Inputs {
  return {
    database,
    owner: "tracksolid_owner",
    schemas,
    keepOwner: { "reporting.v_trips": "reporting_refresher" },
    alsoOwn: [],
    roles: ["tracksolid_owner"],
    former,
    ...more,
  };
}

const planOf = (wanted: Inputs) => resource.plan(wanted, undefined, {});

describe("the runbook's estate", () => {
  let former: Inputs["former"];
  beforeEach(async () => {
    former = await recorded();
  });

  test("is planned with real values, without changes", async () => {
    const db = await postgres.connect({ database });
    const before = await observe(db);
    const { changes, failures } = await planOf(inputs(unknown));
    expect(failures).toBeUndefined();
    expect(changes["tracksolid.position_history"]).toBe("owner postgres -> tracksolid_owner");
    expect(changes).not.toHaveProperty(["reporting.v_trips"]);
    expect(Object.keys(changes).filter((key) => key.startsWith("default privileges of tracksolid_owner"))).not.toEqual(
      [],
    );
    expect(await observe(db)).toEqual(before);
  });

  test("moves completely and is restored completely", async () => {
    const db = await postgres.connect({ database });
    const before = await observe(db);
    const call = testCall();
    await resource.apply(inputs(former), undefined, call);
    const objects = await readOwnedObjects(db, schemas);
    expect([...new Set(objects.map((object) => `${object.owner}`))].sort()).toEqual([
      "reporting_refresher",
      "tracksolid_owner",
    ]);
    expect(objects.filter((object) => object.owner === "reporting_refresher").map((object) => object.key)).toEqual([
      "reporting.v_trips",
    ]);
    const linked = await db.query(
      `SELECT FROM pg_class s JOIN pg_depend d ON d.objid = s.oid AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
       WHERE s.relkind = 'S' AND pg_get_userbyid(s.relowner) = 'tracksolid_owner'`,
    );
    expect(linked.rows.length).toBeGreaterThan(0);
    expect((await planOf(inputs(former))).changes).toEqual({});

    await resource.remove(inputs(former), testCall());
    expect(await observe(db)).toEqual(before);
    await resource.remove(inputs(former), testCall());
    expect(await observe(db)).toEqual(before);
  });

  test("new objects of the new owner get the default privileges of the previous owner", async () => {
    const db = await postgres.connect({ database });
    await resource.apply(inputs(former), undefined, testCall());
    await db.query("BEGIN; SET LOCAL ROLE tracksolid_owner; CREATE TABLE tickets.created_later (); COMMIT");
    const { rows } = await db.query(
      "SELECT has_table_privilege('dashboard_ro', 'tickets.created_later', 'SELECT') AS may",
    );
    expect(rows).toEqual([{ may: true }]);
    await resource.remove(inputs(former), testCall());
    const { rows: owners } = await db.query("SELECT tableowner FROM pg_tables WHERE tablename = 'created_later'");
    expect(owners).toEqual([{ tableowner: "postgres" }]);
    await db.query("DROP TABLE tickets.created_later");
  });

  test("refuses to restore owners while the owner has a session", async () => {
    const db = await postgres.connect({ database });
    await resource.apply(inputs(former), undefined, testCall());
    await db.query("ALTER ROLE tracksolid_owner PASSWORD 'admin'");
    const session = await postgres.connect({ user: "tracksolid_owner", password: "admin", database });
    const moved = await observe(db);
    await expect(resource.remove(inputs(former), testCall())).rejects.toThrow(/1 session .*connectAs: legacy/s);
    expect(await observe(db)).toEqual(moved);
    await session.end();
    await expect
      .poll(async () => (await db.query("SELECT FROM pg_stat_activity WHERE usename = 'tracksolid_owner'")).rows)
      .toEqual([]);
    await resource.remove(inputs(former), testCall());
  });

  test("a refused move names its object; earlier moves stay in the state, for destroy", async () => {
    const db = await postgres.connect({ database });
    const before = await observe(db);
    await db.query(`CREATE FUNCTION public.refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
        IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() WHERE object_identity = 'tracksolid.devices')
        THEN RAISE 'devices are frozen'; END IF; END $$;
      CREATE EVENT TRIGGER refuse ON ddl_command_end EXECUTE FUNCTION public.refuse()`);
    const failed = resource.apply(inputs(former), undefined, testCall());
    await expect(failed).rejects.toBeInstanceOf(Incomplete);
    await expect(failed).rejects.toThrow(/cannot move tracksolid\.devices .*devices are frozen \(P0001\)/);
    await db.query("DROP EVENT TRIGGER refuse; DROP FUNCTION public.refuse()");
    await resource.remove(inputs(former), testCall());
    expect(await observe(db)).toEqual(before);
  });

  test("waits for a lock, names the session that holds it when it gives up, and continues afterwards", async () => {
    const db = await postgres.connect({ database });
    const holder = await postgres.connect({ database });
    await holder.query("SET application_name = 'nightly report'; BEGIN");
    await holder.query("LOCK TABLE tickets.tickets IN ACCESS SHARE MODE");
    const goal = inputs(former);
    const stuck = await server.session(database, async (session) =>
      reassign(session, movesTowards(goal, await readOwnedObjects(session, schemas)), testCall(), 0),
    );
    expect(stuck.left.map(({ move }) => move.object.key)).toEqual(["tickets.tickets"]);
    expect(stuck.left[0]?.reason).toMatch(/55P03.*held by pid \d+, nightly report as postgres/);
    await holder.query("COMMIT");
    await resource.apply(goal, undefined, testCall());
    expect((await planOf(goal)).changes).toEqual({});
    await resource.remove(goal, testCall());
    expect((await observe(db)).relation?.join()).not.toContain("owner tracksolid_owner");
  });
});

describe("objects that were renamed and moved meanwhile", () => {
  test("get their previous owners and privileges", async () => {
    const db = await postgres.connect({ database });
    await db.query(`CREATE ROLE moved_by LOGIN; GRANT USAGE, CREATE ON SCHEMA tickets TO moved_by;
      CREATE TABLE tickets.old_name (id serial); CREATE TABLE tickets.wanderer (id serial);
      ALTER TABLE tickets.old_name OWNER TO moved_by; ALTER TABLE tickets.wanderer OWNER TO moved_by;
      GRANT SELECT ON tickets.wanderer TO dashboard_ro; GRANT INSERT ON tickets.wanderer TO tracksolid_owner;
      CREATE FUNCTION tickets.f(int) RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER FUNCTION tickets.f(int) OWNER TO moved_by`);
    const before = await observe(db);
    const goal = inputs(await recorded());
    await resource.apply(goal, undefined, testCall());
    await db.query(`ALTER TABLE tickets.old_name RENAME TO new_name; ALTER TABLE tickets.wanderer SET SCHEMA public;
      ALTER FUNCTION tickets.f(int) RENAME TO g`);
    await resource.remove(goal, testCall());
    const { rows } = await db.query(
      "SELECT tablename, tableowner FROM pg_tables WHERE tablename IN ('new_name', 'wanderer') UNION SELECT proname, pg_get_userbyid(proowner) FROM pg_proc WHERE proname = 'g' ORDER BY 1",
    );
    expect(rows).toEqual(["g", "new_name", "wanderer"].map((tablename) => ({ tablename, tableowner: "moved_by" })));
    await db.query(`ALTER TABLE tickets.new_name RENAME TO old_name; ALTER TABLE public.wanderer SET SCHEMA tickets;
      ALTER FUNCTION tickets.g(int) RENAME TO f`);
    expect(await observe(db)).toEqual(before);
    await db.query(
      "DROP TABLE tickets.old_name, tickets.wanderer; DROP FUNCTION tickets.f(int); DROP OWNED BY moved_by",
    );
  });

  test("an OID that now belongs to another object, as after a restore, does not match", async () => {
    const db = await postgres.connect({ database });
    await db.query(
      "CREATE TABLE tickets.created_by_owner (); ALTER TABLE tickets.created_by_owner OWNER TO tracksolid_owner",
    );
    const [object] = (await readOwnedObjects(db, ["tickets"])).filter(({ name }) => name === "created_by_owner");
    const former = {
      owners: { "tickets.something_else": "reporting_refresher" },
      acls: {},
      columnAcls: {},
      ids: { "tickets.something_else": object?.id ?? "", "schema tickets": "pg_namespace/1" },
    };
    const moves = restoringMoves(inputs(unknown), object ? [object] : [], former, "postgres");
    expect(moves.map(({ to }) => to)).toEqual(["postgres"]);
    await db.query("DROP TABLE tickets.created_by_owner");
  });
});

test("a database that was dropped by hand: the preview names it, destroy succeeds", async () => {
  const db = await postgres.connect();
  await db.query("CREATE DATABASE short_lived");
  const scope = { database: "short_lived", schemas: ["public"], keepOwner: {}, alsoOwn: [], roles: ["created_later"] };
  const { observed } = await baseline(server).plan(scope, undefined, {});
  const wanted = {
    ...inputs(observed?.snapshot as unknown as Inputs["former"]),
    ...scope,
    roles: ["tracksolid_owner"],
  };
  await resource.apply(wanted, undefined, testCall());
  await server.session(undefined, async () => undefined);
  await db.query("DROP DATABASE short_lived");
  const { failures } = await planOf(wanted);
  expect(failures?.[0]?.reason).toMatch(/no database short_lived/);
  const call = testCall();
  await resource.remove(wanted, call);
  expect(call.lines).toEqual([
    "database short_lived no longer exists, nor do the objects that tracksolid_owner owned there",
  ]);
  const { rows } = await db.query("SELECT shobj_description('tracksolid_owner'::regrole, 'pg_authid') AS comment");
  expect(rows).toEqual([{ comment: null }]);
});

describe("two stacks", () => {
  const other = () => ({ ...testCall(), urn: "urn:pulumi:blue::fleet::pgaccess:index:Ownership::tracksolid_db" });
  const second = async () => inputs(await recorded(), { owner: "second_owner", roles: ["second_owner"] });

  beforeAll(async () => {
    const db = await postgres.connect({ database });
    await db.query("CREATE ROLE second_owner LOGIN");
    for (const schema of schemas) await db.query(`GRANT USAGE, CREATE ON SCHEMA ${schema} TO second_owner`);
  });

  test("one already owns a schema: the preview of the other names it and the remedy", async () => {
    const db = await postgres.connect({ database });
    await db.query("COMMENT ON ROLE tracksolid_owner IS 'ask the platform team'");
    const first = inputs(await recorded());
    await resource.apply(first, undefined, testCall());
    const moved = await observe(db);
    const preview = await resource.plan(await second(), undefined, {}, other());
    expect(preview.failures?.map(({ reason }) => reason).join()).toMatch(
      /belong to the stack app-roles\/test, whose owner role is tracksolid_owner.*COMMENT ON ROLE "tracksolid_owner" IS 'ask the platform team'/,
    );
    await expect(resource.apply(await second(), undefined, other())).rejects.toThrow("app-roles/test");
    expect(await observe(db)).toEqual(moved);

    // The same stack after a rename, with its state.
    const renamed = { ...testCall(), urn: "urn:pulumi:green::app-roles::pgaccess:index:Ownership::tracksolid_db" };
    expect((await resource.plan(first, undefined, {}, renamed)).failures).toBeUndefined();
    // An overwritten record is written again.
    await db.query("COMMENT ON ROLE tracksolid_owner IS 'ask the platform team'");
    expect((await resource.plan(first, undefined, {}, testCall())).changes).toEqual({
      "comment on role tracksolid_owner": "records that stack app-roles/test owns tracksolid_db through it",
    });
    await resource.apply(first, undefined, testCall());
    expect((await resource.plan(first, undefined, {}, testCall())).changes).toEqual({});

    await resource.remove(first, testCall());
    const { rows } = await db.query("SELECT shobj_description('tracksolid_owner'::regrole, 'pg_authid') AS comment");
    expect(rows).toEqual([{ comment: "ask the platform team" }]);
    expect((await resource.plan(await second(), undefined, {}, other())).failures).toBeUndefined();
  });

  test("at the same time: one succeeds, the other is refused", async () => {
    const rival = new Server(postgres.address);
    const [first, rivals] = [inputs(await recorded()), await second()];
    const results = await Promise.allSettled([
      resource.apply(first, undefined, testCall()),
      ownership(rival).apply(rivals, undefined, other()),
    ]);
    expect(results.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    const refused = results.find((result) => result.status === "rejected");
    expect(String(refused?.reason)).toMatch(/two stacks cannot own the same objects/);
    await resource.remove(first, testCall());
    await ownership(rival).remove(rivals, other());
    await rival.close();
  });
});

test("missing objects are refused by name, before anything is changed", async () => {
  const wanted = { database, schemas, keepOwner: {}, alsoOwn: [], roles: ["dashboard_app"] };
  const failuresOf = async (more: object) =>
    (await baseline(server).plan({ ...wanted, ...more }, undefined, {})).failures?.map(({ property, reason }) => [
      property,
      reason,
    ]);
  expect(await failuresOf({})).toEqual([]);
  expect(await failuresOf({ schemas: ["tracksolid", "nowhere"] })).toEqual([
    ["schemas[1]", expect.stringMatching(/no schema nowhere; it has public, reporting, tickets/)],
  ]);
  expect(await failuresOf({ keepOwner: { "reporting.v_trips": "nobody" } })).toEqual([
    ["keepOwner", expect.stringContaining("no such role")],
  ]);
  expect(await failuresOf({ roles: ["analytics_ro"] })).toEqual([
    ["roles[0]", expect.stringContaining("not created by this stack")],
  ]);
  expect(await failuresOf({ database: "nowhere" })).toEqual([
    ["database", expect.stringContaining("it has fleet_platform")],
  ]);
});

test("names that match no object are reported", async () => {
  const { warnings } = await planOf(inputs(unknown, { alsoOwn: ["public.no_such_ledger"] }));
  expect(warnings?.[0]).toContain("public.no_such_ledger");
});
