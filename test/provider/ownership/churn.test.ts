import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { baseline } from "../../../provider/baseline/resource.ts";
import { movesTowards } from "../../../provider/ownership/moves.ts";
import { readOwnedObjects } from "../../../provider/ownership/objects.ts";
import { reassign, reassignPlanned } from "../../../provider/ownership/reassign.ts";
import { ownership } from "../../../provider/ownership/resource.ts";
import { Server } from "../../../provider/postgres/connection.ts";
import { PrivilegeReader } from "../../../provider/privileges/reader.ts";
import { privileges } from "../../../provider/privileges/resource.ts";
import { availableVersions } from "../../../sandbox/postgres/server.ts";
import { testCall } from "../calls.ts";
import { startPostgres, type TestPostgres } from "../postgres.ts";

type PrivilegeInputs = Parameters<ReturnType<typeof privileges>["apply"]>[0];

type OwnershipInputs = Parameters<ReturnType<typeof ownership>["apply"]>[0];

const database = "k";
const gone = "DROP TABLE k.t2; DROP SEQUENCE k.s2; DROP VIEW k.v2; DROP TYPE k.e2; DROP FUNCTION k.f2()";

describe.each(availableVersions())("on PostgreSQL %i, objects that are created and dropped during a run", (version) => {
  let postgres: TestPostgres;
  let server: Server;
  let admin: Client;

  beforeAll(async () => {
    postgres = await startPostgres(version);
    server = new Server(postgres.address);
    await (await postgres.connect()).query(`CREATE DATABASE ${database}`);
    admin = await postgres.connect({ database });
    await admin.query("CREATE ROLE k_owner LOGIN; CREATE ROLE k_reader LOGIN");
  });
  afterAll(async () => {
    await server.close();
    await postgres.stop();
  });
  beforeEach(async () => {
    await admin.query(`CREATE SCHEMA k; GRANT USAGE, CREATE ON SCHEMA k TO k_owner;
      CREATE TABLE k.t1 (id int); CREATE TABLE k.t2 (id int); CREATE TABLE k.t3 (id int);
      CREATE SEQUENCE k.s1; CREATE SEQUENCE k.s2; CREATE VIEW k.v1 AS SELECT 1 AS one; CREATE VIEW k.v2 AS SELECT 2 AS two;
      CREATE TYPE k.e1 AS ENUM ('a'); CREATE TYPE k.e2 AS ENUM ('b');
      CREATE FUNCTION k.f1() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE FUNCTION k.f2() RETURNS int LANGUAGE sql AS 'SELECT 2'`);
  });
  afterEach(async () => {
    await admin.query("DROP SCHEMA IF EXISTS k CASCADE; DROP OWNED BY k_reader, k_owner");
  });

  const reader = (more: Partial<PrivilegeInputs> = {}): PrivilegeInputs => ({
    role: "k_reader",
    database,
    access: "reader",
    schemas: ["k"],
    creators: [],
    before: [],
    ...more,
  });
  describe("grants privileges", () => {
    test("objects dropped after the catalog was read are left out and reported; the rest is granted", async () => {
      // The catalog is cached for a minute, to simulate the time between reading and granting.
      const resource = privileges(server, new PrivilegeReader(60_000));
      await resource.plan(reader(), undefined, {});
      await admin.query(`${gone}; ALTER TABLE k.t3 RENAME TO t4`);
      const call = testCall();
      await resource.apply(reader(), undefined, call);
      expect((await resource.plan(reader(), undefined, {})).changes).toEqual({});
      expect(call.lines.filter((line) => line.includes("retried"))).not.toEqual([]);
      const { rows } = await admin.query("SELECT has_table_privilege('k_reader', 'k.t4', 'SELECT') AS may");
      expect(rows).toEqual([{ may: true }]);
    });

    test("a dropped object does not prevent the other revokes", async () => {
      const resource = privileges(server, new PrivilegeReader(60_000));
      await resource.apply(reader(), undefined, testCall());
      await resource.plan(reader(), undefined, {});
      await admin.query(gone);
      await resource.remove(reader(), testCall());
      const { rows } = await admin.query("SELECT has_table_privilege('k_reader', 'k.t1', 'SELECT') AS may");
      expect(rows).toEqual([{ may: false }]);
    });

    test("a dropped role is an error, not an object to leave out", async () => {
      const resource = privileges(server, new PrivilegeReader(60_000));
      await admin.query("CREATE ROLE k_short_lived");
      await resource.plan(reader({ role: "k_short_lived" }), undefined, {});
      await admin.query("DROP ROLE k_short_lived");
      await expect(resource.apply(reader({ role: "k_short_lived" }), undefined, testCall())).rejects.toThrow(
        /there is no role k_short_lived/,
      );
    });
  });

  describe("moves objects", () => {
    const goal = { owner: "k_owner", schemas: ["k"], keepOwner: {}, alsoOwn: [], roles: ["k_owner"] };

    test("objects dropped after planning are left out, renamed objects are planned again", async () => {
      let plans = 0;
      const result = await server.session(database, (db) =>
        reassignPlanned(
          db,
          async () => {
            const moves = movesTowards(goal, await readOwnedObjects(db, ["k"]));
            if (plans++ === 0) await admin.query(`${gone}; ALTER TABLE k.t3 RENAME TO t4; DROP TABLE k.t1`);
            return moves;
          },
          testCall(),
        ),
      );
      expect([result.left, result.gone]).toEqual([[], []]);
      const left = await server.session(database, async (db) =>
        movesTowards(goal, await readOwnedObjects(db, ["k"])).map(({ object }) => object.key),
      );
      expect(left).toEqual([]);
    });

    test("a dropped new owner is an error, not an object to leave out", async () => {
      await admin.query("CREATE ROLE k_short_lived");
      const kept = { ...goal, keepOwner: { "k.t1": "k_short_lived" } };
      const moved = server.session(database, (db) =>
        reassignPlanned(
          db,
          async () => {
            const moves = movesTowards(kept, await readOwnedObjects(db, ["k"]));
            await admin.query("DROP ROLE IF EXISTS k_short_lived");
            return moves;
          },
          testCall(),
        ),
      );
      await expect(moved).rejects.toThrow("cannot move k.t1 (owner postgres -> k_short_lived): there is no role");
    });

    test("a connection that is lost in a move reports the original error", async () => {
      const killer = await postgres.connect({ database });
      const holder = await postgres.connect({ database });
      await holder.query("BEGIN; LOCK TABLE k.t1");
      const lost = server.session(database, async (db) => {
        const { rows } = await db.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
        const [move] = movesTowards(goal, await readOwnedObjects(db, ["k"])).filter(
          ({ object }) => object.key === "k.t1",
        );
        if (!move) throw new Error("k.t1 already has the right owner");
        const privileges = [{ sql: "GRANT SELECT ON k.t1 TO postgres", as: undefined }];
        const moving = reassign(db, [{ ...move, privileges }], testCall());
        // It can reject before it is awaited below.
        moving.catch(() => undefined);
        await expect
          .poll(
            async () =>
              (await killer.query("SELECT FROM pg_locks WHERE NOT granted AND pid = $1", [rows[0]?.pid])).rows,
          )
          .toHaveLength(1);
        await killer.query("SELECT pg_terminate_backend($1)", [rows[0]?.pid]);
        return moving;
      });
      await expect(lost).rejects.toThrow(/cannot move k\.t1 .*terminating connection.*\(57P01\)/);
      await holder.query("ROLLBACK");
    });
  });

  test("a job that creates, grants, renames and drops objects all the time: up and destroy succeed", async () => {
    await admin.query(
      "DO $$ BEGIN FOR i IN 1..300 LOOP EXECUTE format('CREATE TABLE k.base_%s (id serial)', i); END LOOP; END $$",
    );
    await admin.query("CREATE ROLE k_job; GRANT USAGE, CREATE ON SCHEMA k TO k_job");
    const jobs = await Promise.all([1, 2, 3].map((number) => startJob(number)));
    const reading = new PrivilegeReader(2000);
    const resources = { privileges: privileges(server, reading), ownership: ownership(server) };
    const scope = { database, schemas: ["k"], keepOwner: {}, alsoOwn: [], roles: ["created_later"] };
    const { observed } = await baseline(server).plan(scope, undefined, {});
    const former = observed?.snapshot as unknown as OwnershipInputs["former"];
    const owned = { ...scope, owner: "k_owner", roles: ["k_owner"], former };
    for (const access of ["reader", "writer"] as const) {
      await resources.privileges.plan(reader({ access }), undefined, {});
      await resources.privileges.apply(reader({ access }), undefined, testCall());
    }
    await resources.ownership.plan(owned, undefined, {});
    await resources.ownership.apply(owned, undefined, testCall());
    await resources.ownership.remove(owned, testCall());
    await resources.privileges.remove(reader({ access: "writer" }), testCall());
    for (const job of jobs) await job.end();
    const { rows } = await admin.query(
      `SELECT DISTINCT tableowner FROM pg_tables WHERE tablename LIKE 'base%' UNION
       SELECT 'may read' WHERE has_table_privilege('k_reader', 'k.base_1', 'SELECT')`,
    );
    expect(rows).toEqual([{ tableowner: "postgres" }]);
    // The jobs ran meanwhile.
    expect(jobs.map(({ rounds }) => rounds).every((rounds) => rounds > 0)).toBe(true);
  });

  /** A session that repeatedly creates, changes and drops objects of every kind. */
  async function startJob(number: number): Promise<{ rounds: number; end(): Promise<void> }> {
    const client = await postgres.connect({ database });
    const name = (what: string) => `k.${what}_${number}`;
    const statements = [
      `CREATE TABLE ${name("t")} (id serial)`,
      `CREATE VIEW ${name("v")} AS SELECT * FROM ${name("t")}`,
      `CREATE SEQUENCE ${name("s")}; CREATE TYPE ${name("e")} AS ENUM ('a')`,
      `CREATE FUNCTION ${name("f")}(int) RETURNS int LANGUAGE sql AS 'SELECT 1'`,
      `GRANT SELECT ON ${name("t")} TO PUBLIC; ALTER FUNCTION ${name("f")}(int) OWNER TO k_job`,
      `ALTER TABLE ${name("t")} RENAME TO r_${number}; ALTER TABLE ${name("r")} OWNER TO k_job`,
      `DROP VIEW ${name("v")}; DROP TABLE ${name("r")}; DROP SEQUENCE ${name("s")}`,
      `DROP TYPE ${name("e")}; DROP FUNCTION ${name("f")}(int)`,
    ];
    let stopped = false;
    const job = { rounds: 0, end: async () => {} };
    const work = (async () => {
      while (!stopped) {
        for (const statement of statements) {
          // The run can block the job; a service would retry.
          for (let tries = 0; tries < 50; tries++) {
            const isDone = await client.query(statement).then(
              () => true,
              () => false,
            );
            if (isDone) break;
          }
          await sleep(5 * number);
        }
        job.rounds++;
      }
    })();
    job.end = async () => {
      stopped = true;
      await work;
    };
    return job;
  }
});
