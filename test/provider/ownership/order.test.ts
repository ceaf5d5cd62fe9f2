import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readSnapshot } from "../../../provider/baseline/snapshot.ts";
import {
  describe as describeMove,
  type Move,
  movesTowards,
  restoringMoves,
} from "../../../provider/ownership/moves.ts";
import { readOwnedObjects } from "../../../provider/ownership/objects.ts";
import { reassign } from "../../../provider/ownership/reassign.ts";
import { type Queryable, Server } from "../../../provider/postgres/connection.ts";
import { availableVersions } from "../../../sandbox/postgres/server.ts";
import { testCall } from "../calls.ts";
import { observe } from "../observe.ts";
import { startPostgres, type TestPostgres } from "../postgres.ts";

const goal = {
  owner: "new_owner",
  schemas: ["app"],
  keepOwner: { "app.kept": "former" },
  alsoOwn: [],
  roles: ["new_owner"],
};

/** The same objects for a superuser and a non-superuser; in alphabetical order they would move wrongly. */
const objectsOf = (prefix: string) => `
  CREATE TABLE app.${prefix}z (id serial, a int);
  CREATE TABLE app.${prefix}a_with_rule (a int);
  CREATE RULE logged AS ON INSERT TO app.${prefix}a_with_rule DO ALSO INSERT INTO app.${prefix}z (a) VALUES (new.a);
  CREATE VIEW app.${prefix}b_view AS SELECT * FROM app.${prefix}z;
  CREATE VIEW app.${prefix}a_view_on_view AS SELECT * FROM app.${prefix}b_view;
  CREATE FUNCTION app.${prefix}a_function() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM app.${prefix}a_view_on_view';
  GRANT SELECT ON app.${prefix}a_view_on_view, app.${prefix}b_view TO reader;
  GRANT INSERT ON app.${prefix}a_with_rule TO reader;
  GRANT USAGE ON SEQUENCE app.${prefix}z_id_seq TO reader;`;

const readerDoes = (prefix: string) => [
  `SELECT * FROM app.${prefix}a_view_on_view`,
  `SELECT app.${prefix}a_function()`,
  `INSERT INTO app.${prefix}a_with_rule VALUES (1)`,
];

describe.each(availableVersions())("on PostgreSQL %i", (version) => {
  let postgres: TestPostgres;
  let server: Server;
  let admin: Client;
  let reader: Client;
  let former: Client;

  beforeAll(async () => {
    postgres = await startPostgres(version);
    server = new Server(postgres.address);
    admin = await postgres.connect();
    await admin.query(`CREATE ROLE reader LOGIN PASSWORD 'admin'; CREATE ROLE former LOGIN PASSWORD 'admin'; CREATE ROLE new_owner;
      CREATE SCHEMA app; GRANT USAGE ON SCHEMA app TO reader; GRANT USAGE, CREATE ON SCHEMA app TO former, new_owner;
      ${objectsOf("s")} SET ROLE former; ${objectsOf("f")} CREATE VIEW app.kept AS SELECT * FROM app.fz;
      GRANT SELECT ON app.kept TO reader; RESET ROLE`);
    reader = await postgres.connect({ user: "reader", password: "admin" });
    former = await postgres.connect({ user: "former", password: "admin" });
  });
  afterAll(async () => {
    await server.close();
    await postgres.stop();
  });

  /** Runs every statement that worked before the moves. */
  const everythingWorks = async () => {
    for (const statement of [...readerDoes("s"), ...readerDoes("f"), "SELECT * FROM app.kept"]) {
      await expect(reader.query(statement), statement).resolves.toBeDefined();
    }
    for (const statement of [...readerDoes("f"), "INSERT INTO app.fz (a) VALUES (2)", "UPDATE app.fz SET a = 3"]) {
      await expect(former.query(statement), `${statement} as its previous owner`).resolves.toBeDefined();
    }
  };

  const move = (movesOf: (db: Queryable) => Promise<Move[]>) =>
    server.session(undefined, async (db) => {
      let seen = 0;
      const watched: Queryable = {
        async query<Row>(text: string, values?: unknown[]) {
          if (!text.includes(" OWNER TO ")) return db.query<Row>(text, values);
          // Sends moves of one message one by one, to check after each.
          let result: { rows: Row[] } = { rows: [] };
          for (const transaction of text.split(/(?<=; COMMIT); (?=BEGIN; )/)) {
            result = await db.query<Row>(transaction);
            await everythingWorks();
            seen++;
          }
          return result;
        },
      };
      const moves = await movesOf(db);
      await reassign(watched, moves, testCall());
      return { moves, seen };
    });

  test("a reader, a writer and the previous owner never lose access, neither in the moves nor in the restore", async () => {
    await everythingWorks();
    const before = await observe(admin);
    const recorded = await readSnapshot(admin, "postgres", { schemas: ["app"], outside: [], roles: [] });

    const moved = await move(async (db) => movesTowards(goal, await readOwnedObjects(db, ["app"])));
    expect(moved.seen).toBe(10);
    const lines = Object.fromEntries(moved.moves.map((one) => [one.object.key, describeMove(one)]));
    expect(lines["app.fz"]).toBe("owner former -> new_owner, former keeps its privileges");
    expect(lines["app.sz"]).toBe("owner postgres -> new_owner");

    const restored = await move(async (db) =>
      restoringMoves(goal, await readOwnedObjects(db, ["app"]), recorded, "postgres"),
    );
    expect(restored.seen).toBe(10);
    expect(await observe(admin)).toEqual(before);
  });
});
