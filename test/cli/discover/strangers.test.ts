import { readFileSync } from "node:fs";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { stackDocument } from "../../../cli/discover/stack-document.ts";
import { parseStack } from "../../../config/parse-stack.ts";
import type { Stack } from "../../../model/stack.ts";
import { declaredViolations } from "../../../policies/declared.ts";
import { type Postgres, startPostgres } from "../../../sandbox/postgres/server.ts";
import { discover } from "./server.ts";

/** Strangers' schemas, and what clients do with them: name to statements of one transaction. */
const estates: Record<string, { file?: string; clients: Record<string, [sql: string, ...values: unknown[]][]> }> = {
  pgbench: {
    clients: {
      teller: [
        ["UPDATE pgbench_accounts SET abalance = abalance + $1 WHERE aid = $2", 7, 1],
        ["SELECT abalance FROM pgbench_accounts WHERE aid = $1", 1],
        ["UPDATE pgbench_tellers SET tbalance = tbalance + $1 WHERE tid = $2", 7, 1],
        ["UPDATE pgbench_branches SET bbalance = bbalance + $1 WHERE bid = $2", 7, 1],
        ["INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES ($1, 1, 1, 7, now())", 1],
      ],
    },
  },
  rental: {
    file: "rental.sql",
    clients: {
      till: [
        ["INSERT INTO shop.customer (name) VALUES ('a customer''s name')"],
        ["INSERT INTO shop.payment VALUES (1, 1, 4.99, '2026-01-15')"],
        ["UPDATE shop.film SET title = title WHERE film_id = $1", 1],
        ["SELECT shop.in_stock($1)", 1],
      ],
      reports: [
        ["SELECT * FROM shop.sales"],
        ["SELECT * FROM shop.film_titles"],
        ["SELECT shop.titles(title) FROM shop.film"],
      ],
      migrator: [
        ["CREATE TABLE IF NOT EXISTS shop.review (id int)"],
        ["INSERT INTO public.schema_migrations VALUES ('1')"],
      ],
    },
  },
  platform: {
    file: "platform.sql",
    clients: {
      feed: [["SELECT * FROM app.feed"], ["SELECT auth.uid()"]],
      'writer\u0007 "x"': [
        ["INSERT INTO auth.users (id) VALUES (gen_random_uuid())"],
        ["SELECT count(*) FROM app.posts"],
      ],
    },
  },
};

let postgres: Postgres;
const sessions: pg.Client[] = [];

async function login(database: string, application: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: postgres.url(database), application_name: application });
  client.on("error", () => undefined);
  await client.connect();
  sessions.push(client);
  return client;
}

let text: string;
let stack: Stack;

beforeAll(async () => {
  postgres = await startPostgres();
  const admin = await login("postgres", "psql");
  for (const [name, { file, clients }] of Object.entries(estates)) {
    await admin.query(`CREATE DATABASE ${name}`);
    const loader = await login(name, "psql");
    await loader.query(
      file === undefined
        ? `CREATE TABLE pgbench_branches (bid int PRIMARY KEY, bbalance int); CREATE TABLE pgbench_tellers (tid int PRIMARY KEY, bid int, tbalance int);
           CREATE TABLE pgbench_accounts (aid int PRIMARY KEY, bid int, abalance int); CREATE TABLE pgbench_history (tid int, bid int, aid int, delta int, mtime timestamp)`
        : readFileSync(new URL(`../../provider/estates/${file}`, import.meta.url), "utf8"),
    );
    for (const [application, statements] of Object.entries(clients)) {
      // A session keeps its last statement, so each has its own.
      for (const [sql, ...values] of statements) await (await login(name, application)).query(sql, values);
    }
  }
  text = stackDocument((await discover(postgres)).proposal);
  const { config } = parse(text) as { config: Record<string, unknown> };
  stack = parseStack(
    Object.fromEntries(Object.entries(config).map(([key, value]) => [key.replace(/^app-roles:/, ""), value])),
  );
});

afterAll(async () => {
  await Promise.all(sessions.map((client) => client.end().catch(() => undefined)));
  await postgres.stop();
});

test("every client is a service of a valid stack", () => {
  expect(stack.services.map(({ name, database }) => `${name} in ${database}`).toSorted()).toEqual([
    "feed in platform",
    "migrator in rental",
    "reports in rental",
    "teller in pgbench",
    "till in rental",
    "writer_x07_x in platform",
  ]);
  expect(declaredViolations(stack)).toEqual([]);
});

test("a second discovery writes the same bytes, and data is in none of them", async () => {
  expect(stackDocument((await discover(postgres)).proposal)).toBe(text);
  expect(text).not.toContain("customer's name");
});

describe("schemas", () => {
  test("are those with objects of a superuser", () => {
    const schemas = Object.fromEntries(Object.entries(stack.databases).map(([name, each]) => [name, each.schemas]));
    expect(schemas).toEqual({
      pgbench: ["public"],
      platform: ["app"],
      rental: ["archive", "partman", "parts", "shop"],
    });
  });
});

test("access and grants are those of the statements seen", () => {
  const roles = Object.entries(stack.roles).map(([name, { access, grants }]) => [name, access, grants]);
  expect(roles.toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1))).toEqual([
    ["feed_app", { platform: "reader" }, { platform: { schemas: { auth: ["USAGE"] } } }],
    ["rental_owner", { rental: "owner" }, { rental: { schemas: { public: ["CREATE"] } } }],
    ["reports_app", { rental: "reader" }, {}],
    ["teller_app", { pgbench: "writer" }, {}],
    ["till_app", { rental: "writer" }, {}],
    [
      "writer_x07_x_app",
      { platform: "reader" },
      { platform: { schemas: { auth: ["USAGE"] }, tables: { "auth.users": ["INSERT"] } } },
    ],
  ]);
});
