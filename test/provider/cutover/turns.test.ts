import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loginTurn } from "../../../provider/cutover/turns/resource.ts";
import { Server } from "../../../provider/postgres/connection.ts";
import { testCall } from "../calls.ts";
import { startPostgres, type TestPostgres } from "../postgres.ts";

let postgres: TestPostgres;
let server: Server;
let admin: Client;
beforeAll(async () => {
  postgres = await startPostgres();
  server = new Server(postgres.address);
  admin = await postgres.connect();
  await admin.query(`CREATE ROLE "it's ""me""" LOGIN; CREATE ROLE group_only`);
});
afterAll(async () => {
  await server.close();
  await postgres.stop();
});

/** The decision for a state with `before`. */
async function decided(role: string, before: Record<string, string | number | boolean>, rotate?: true) {
  const inputs = { role, logins: ["a", "b"] as [string, string], rotate };
  const { changes, observed, warnings } = await loginTurn(server).plan(inputs, undefined, before, testCall());
  expect(changes).toEqual({});
  return { ...observed, warnings };
}

describe("a role that logged in directly", () => {
  const role = `it's "me"`;
  const kept = expect.stringContaining(`${role} can still log in itself`);

  test("keeps its login until the first rotation, and every preview warns", async () => {
    const first = { turn: 0, inForce: "a", former: "", keepsLogin: true };
    expect(await decided(role, {})).toEqual({ ...first, warnings: [kept] });
    expect(await decided(role, first)).toEqual({ ...first, warnings: [kept] });
    expect(await decided(role, first, true)).toEqual({
      turn: 1,
      inForce: "b",
      former: "a",
      keepsLogin: false,
      warnings: [],
    });
  });
});

test.each(["group_only", "not there"])("the role %j never logs in", async (role) => {
  expect(await decided(role, {})).toEqual({ turn: 0, inForce: "a", former: "", keepsLogin: false, warnings: [] });
});

test("each rotation switches the login role, and an up without one keeps it", async () => {
  const second = { turn: 1, inForce: "b", former: "a", keepsLogin: false };
  expect(await decided("group_only", second)).toMatchObject(second);
  const third = { turn: 2, inForce: "a", former: "b", keepsLogin: false };
  expect(await decided("group_only", second, true)).toMatchObject(third);
  expect(await decided("group_only", third, true)).toMatchObject({ turn: 3, inForce: "b", former: "a" });
});

test("a decided turn needs no server, as in a rollback while it is down", async () => {
  const nowhere = new Server({ ...postgres.address, port: 1 });
  const before = { turn: 3, inForce: "b", former: "a", keepsLogin: false };
  const inputs = { role: "app", logins: ["a", "b"] as [string, string] };
  const { observed } = await loginTurn(nowhere).plan(inputs, undefined, before, testCall());
  expect(observed).toEqual(before);
});
