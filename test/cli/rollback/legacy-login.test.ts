import { afterAll, beforeAll, expect, test } from "vitest";
import { adminOf, tryLegacyLogin } from "../../../cli/rollback/legacy-login.ts";
import { login } from "../../../provider/postgres/connection.ts";
import { startPostgres, type TestPostgres } from "../../provider/postgres.ts";

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startPostgres();
  const admin = await postgres.connect();
  await admin.query("CREATE ROLE legacy LOGIN PASSWORD 'old'; CREATE ROLE barred PASSWORD 'old'");
});
afterAll(() => postgres?.stop());

test.each([
  ["legacy:old", "works", undefined],
  ["legacy:former", "refused", /refuses the password of legacy \(28P01\)/],
  ["barred:old", "refused", /NOLOGIN/],
  ["gone:old", "refused", /no role gone/],
  ["legacy", "unknown", /no password/],
])("a login as %s: %s", async (login, state, why) => {
  const found = await tryLegacyLogin(`postgres://${login}@db/shop`, postgres.address);
  expect(found).toEqual(why ? { state, why: expect.stringMatching(why) } : { state });
});

test("no login is reported as refused if the admin cannot log in or the server does not answer", async () => {
  const dead = "postgres://legacy:former@db/shop";
  const other = { ...postgres.address, password: "wrong" };
  expect(await tryLegacyLogin(dead, other)).toMatchObject({ state: "unknown" });
  expect(await tryLegacyLogin(dead, { ...postgres.address, port: 1 })).toMatchObject({ state: "unknown" });
  expect(await tryLegacyLogin(dead, undefined)).toMatchObject({ state: "unknown" });
});

test("a missing password: the error says how to set it and does not mention SASL", async () => {
  const refused = login({ ...postgres.address, password: "" }, "postgres", "test");
  await expect(refused).rejects.toThrow(/asks for a password, and there is none\. Give it with `pulumi config set/);
  await expect(refused).rejects.not.toThrow(/SASL/);
});

test("the admin's address is read from the state", () => {
  const password = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", plaintext: '"secret"' };
  const inputs = { host: "db", port: "5433", user: "postgres", database: "postgres", sslmode: "require", password };
  const state = { resources: [{ urn: "p", type: "pulumi:providers:pgaccess", inputs }] };
  expect(adminOf(state)).toEqual({ ...inputs, port: 5433, password: "secret" });
});
