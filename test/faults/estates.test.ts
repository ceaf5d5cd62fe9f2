import fc from "fast-check";
import pg, { escapeIdentifier } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { observe } from "../provider/observe.ts";
import { startPostgres, type TestPostgres } from "../provider/postgres.ts";
import { bounds } from "./bounds.ts";
import { Churn } from "./churn.ts";
import { PluginStack } from "./plugin-stack.ts";
import {
  isRelation,
  isTable,
  madeObjects,
  nameOf,
  type RandomEstate,
  randomEstate,
  schemas,
  scriptOf,
  statementsOf,
  strangers,
} from "./random-estate.ts";

const database = 'Stranger\'s "shop"';
const roles = { owner: 'shop "owner"', writer: "shop writer; --", reader: "shop_reader" };

let postgres: TestPostgres;
let admin: pg.Client;
beforeAll(async () => {
  postgres = await startPostgres();
  admin = await postgres.connect();
  for (const role of strangers) await admin.query(`CREATE ROLE ${escapeIdentifier(role)} LOGIN`);
});
afterAll(() => postgres.stop());

/** A database with the estate and a stack that declares it; both are removed afterwards. */
async function onEstate(
  estate: RandomEstate,
  work: (db: pg.Client, stack: PluginStack) => Promise<void>,
): Promise<void> {
  await admin.query(`CREATE DATABASE ${escapeIdentifier(database)}`);
  const { host, port, user, password } = postgres.address;
  const db = new pg.Client({ host, port, user, password, database });
  await db.connect();
  const stack = new PluginStack(postgres.address, admin, { database, schemas, ...roles });
  try {
    for (const statement of statementsOf(estate)) await db.query(statement);
    await work(db, stack);
  } catch (error) {
    throw new Error(`${(error as Error).message}\n--- the estate:\n${scriptOf(estate)}`, { cause: error });
  } finally {
    await stack.close();
    await db.end();
    await admin.query(`DROP DATABASE ${escapeIdentifier(database)} WITH (FORCE)`);
    for (const role of Object.values(roles)) await admin.query(`DROP ROLE IF EXISTS ${escapeIdentifier(role)}`);
  }
}

/** Whether the role can do it; the statement is rolled back. */
async function attempt(db: pg.Client, role: string, sql: string): Promise<string | undefined> {
  await db.query("BEGIN");
  try {
    await db.query(`SET LOCAL ROLE ${escapeIdentifier(role)}`);
    await db.query(sql);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    await db.query("ROLLBACK");
  }
}

/** What the owner and the reader cannot do although there was no warning. */
async function broken(db: pg.Client, stack: PluginStack, { objects }: RandomEstate): Promise<string[]> {
  const managed = madeObjects(objects).filter(({ object }) => schemas.includes(object.schema) && isRelation(object));
  const found: string[] = [];
  for (const { object } of managed) {
    const name = nameOf(object);
    const { rows } = await db.query("SELECT format('%I.%I', $1::text, $2::text) AS printed", [
      object.schema,
      object.name,
    ]);
    if (stack.warned(rows[0].printed)) continue;
    const alter = isTable(object)
      ? `ALTER TABLE ${name} ADD COLUMN added_by_a_migration int`
      : `COMMENT ON ${object.kind === "matview" ? "MATERIALIZED VIEW" : "VIEW"} ${name} IS 'altered'`;
    for (const [role, sql] of [
      [roles.owner, alter],
      [roles.reader, `SELECT * FROM ${name}`],
    ] as const) {
      const said = await attempt(db, role, sql);
      if (said !== undefined) found.push(`${role}: ${sql}: ${said}`);
    }
  }
  return found;
}

test("preview, up and destroy keep their promises on random databases", async () => {
  await fc.assert(
    fc.asyncProperty(randomEstate, (estate) =>
      onEstate(estate, async (db, stack) => {
        const before = await observe(db);
        await stack.preview();
        expect(await observe(db), "a preview changes nothing").toEqual(before);
        await stack.up();
        expect(await stack.preview(), "the preview after an up is clean").toEqual({});
        expect(await broken(db, stack, estate), "owner and reader may do what nobody was warned of").toEqual([]);
        await stack.destroy();
        expect(await observe(db), "a destroy restores what was there").toEqual(before);
      }),
    ),
    bounds(30),
  );
});

test("an up and a destroy succeed while objects are created, dropped, renamed and granted", async () => {
  await fc.assert(
    fc.asyncProperty(randomEstate, fc.integer(), (estate, seed) =>
      onEstate(estate, async (db, stack) => {
        const churn = await Churn.start(postgres.address, database, seed);
        await stack.up();
        await churn.stop();
        // Objects created after the up has read the catalog are left to the next up.
        await stack.up();
        expect(await stack.preview(), "the preview after a quiet up is clean").toEqual({});
        const again = await Churn.start(postgres.address, database, seed + 1);
        await stack.destroy();
        await again.stop();
        const left = await db.query("SELECT rolname FROM pg_roles WHERE rolname = ANY ($1)", [Object.values(roles)]);
        expect(left.rows).toEqual([]);
        expect(churn.count + again.count).toBeGreaterThan(0);
      }),
    ),
    bounds(15),
  );
});
