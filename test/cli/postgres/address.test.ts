import { expect, test } from "vitest";
import { addressOfEnvironment, addressOfUrl } from "../../../cli/postgres/address.ts";

test.each([
  [
    "postgresql://a:p%40ss@db.internal:6432/shop",
    { host: "db.internal", port: 6432, user: "a", password: "p@ss", database: "shop", sslmode: "require" },
  ],
  [
    "postgres://a@127.0.0.1",
    { host: "127.0.0.1", port: 5432, user: "a", password: "", database: "a", sslmode: "disable" },
  ],
  [
    "postgres://a@[::1]:1/x?sslmode=verify-full&sslrootcert=ca.pem",
    { host: "::1", port: 1, sslmode: "verify-full", sslrootcert: "ca.pem" },
  ],
  [
    "postgres:///x?host=/run/postgresql&user=b&port=6",
    { host: "/run/postgresql", port: 6, user: "b", database: "x", sslmode: "disable" },
  ],
  ["postgres://a@db/x?sslmode=prefer", { host: "db", sslmode: "require" }],
])("%s", (url, expected) => expect(addressOfUrl(url, {})).toMatchObject(expected));

test("what the URL leaves out comes from libpq's environment variables", () => {
  const env = { PGHOST: "other", PGPORT: "7", PGUSER: "u", PGPASSWORD: "p", PGDATABASE: "d", PGSSLMODE: "require" };
  expect(addressOfUrl("postgresql://127.0.0.1", env)).toEqual({
    host: "127.0.0.1",
    port: 5432,
    user: "u",
    password: "p",
    database: "d",
    sslmode: "require",
    sslrootcert: undefined,
  });
  expect(addressOfEnvironment(env)).toMatchObject({ host: "other", port: 7, user: "u", database: "d" });
  expect(addressOfEnvironment({ PGPASSWORD: "p" })).toBeUndefined();
});

test.each([
  "mysql://a:secret@b/c",
  "postgres://a:secret@b,c/d",
  "postgres://a:secret@b/c?sslmode=maybe",
  "postgres://a:sec/ret@b/c",
])("refused without showing it: %s", (url) => {
  expect(() => addressOfUrl(url, {})).toThrow(/URL|sslmode/);
  expect(() => addressOfUrl(url, {})).not.toThrow(/secret|sec\/ret/);
});
