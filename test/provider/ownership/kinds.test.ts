import { readFileSync } from "node:fs";
import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { baseline } from "../../../provider/baseline/resource.ts";
import { ownership } from "../../../provider/ownership/resource.ts";
import { Server } from "../../../provider/postgres/connection.ts";
import { availableVersions } from "../../../sandbox/postgres/server.ts";
import { testCall } from "../calls.ts";
import { observe } from "../observe.ts";
import { startPostgres, type TestPostgres } from "../postgres.ts";

type Inputs = Parameters<ReturnType<typeof ownership>["plan"]>[0];

const sql = (file: string) => readFileSync(new URL(`../estates/${file}`, import.meta.url), "utf8");
const database = 'Shop "1"';
const schemas = ["app", 'Odd " schema'];
const owner = `New "owner"; DROP TABLE app.plain; --`;

/** Objects whose owner cannot change: containers, members of an extension, and constructors of a range (owned by the first superuser). */
const stays = [
  /^(database|schema) /,
  /^(routine|type|operator|operator class|operator family) app\.\S*(citext|~|<|>|=).* owner postgres/,
  /^routine app\.(regexp_|replace|split_part|strpos|texticlike|translate|max|min)/,
  /^routine (app\.span|"Odd "" schema"\."Range \])/,
];

describe.each(availableVersions())("on PostgreSQL %i", (version) => {
  let postgres: TestPostgres;
  let server: Server;
  let resource: ReturnType<typeof ownership>;
  let admin: Client;

  beforeAll(async () => {
    postgres = await startPostgres(version);
    server = new Server(postgres.address);
    resource = ownership(server);
    await (await postgres.connect()).query(`CREATE DATABASE ${quoted(database)}`);
    admin = await postgres.connect({ database });
    await admin.query(sql("kinds.sql"));
    await admin.query(sql("owned-kinds.sql"));
    await admin.query(`CREATE ROLE ${quoted(owner)}`);
  });
  afterAll(async () => {
    await server.close();
    await postgres.stop();
  });

  test("every kind of object changes owner, with any name, and is restored exactly", async () => {
    const before = await observe(admin);
    const wanted = await inputs(server);
    await resource.apply(wanted, undefined, testCall());
    expect((await resource.plan(wanted, undefined, {})).changes).toEqual({});

    const left = linesOf(await observe(admin)).filter((line) => line.includes(" owner postgres"));
    expect(left.filter((line) => !stays.some((pattern) => pattern.test(line)))).toEqual([]);
    expect(left.filter((line) => line.includes("citext")).length).toBeGreaterThan(30);

    await resource.remove(wanted, testCall());
    expect(await observe(admin)).toEqual(before);
  });
});

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

async function inputs(server: Server, more: Partial<Inputs> = {}): Promise<Inputs> {
  const scope = { database, schemas, keepOwner: {}, alsoOwn: [] };
  const { observed } = await baseline(server).plan({ ...scope, roles: [] }, undefined, {});
  return { ...scope, owner, roles: [owner], former: observed?.snapshot as unknown as Inputs["former"], ...more };
}

function linesOf(seen: Record<string, string[]>): string[] {
  return Object.entries(seen).flatMap(([what, lines]) => lines.map((line) => `${what} ${line}`));
}
