import fc from "fast-check";
import pg from "pg";
import { describe, expect, test } from "vitest";
import {
  DatabaseUrlError,
  databaseUrlDatabase,
  databaseUrlUser,
  makeDatabaseUrl,
  roleUrl,
  withoutLogin,
} from "../../model/database-url.ts";

describe("roleUrl", () => {
  test.each([
    [
      "postgresql://postgres:old@timescale_db:5432/tracksolid_db",
      "postgresql://app:new@timescale_db:5432/tracksolid_db",
    ],
    ["postgres://postgres:old@db/d", "postgres://app:new@db/d"],
    ["PostgreSQL://Postgres:old@DB.Example.com/D", "PostgreSQL://app:new@DB.Example.com/D"],
    ["postgresql+psycopg2://postgres:old@db/d", "postgresql+psycopg2://app:new@db/d"],
    ["postgresql://db/d", "postgresql://app:new@db/d"],
    ["postgresql://postgres@db/d", "postgresql://app:new@db/d"],
    ["postgresql://postgres:@db/d", "postgresql://app:new@db/d"],
    ["postgresql://:old@db/d", "postgresql://app:new@db/d"],
    ["postgresql:///d?host=/var/run/postgresql", "postgresql://app:new@/d?host=/var/run/postgresql"],
    ["postgresql://postgres:old@%2Fvar%2Frun/d", "postgresql://app:new@%2Fvar%2Frun/d"],
    ["postgresql://postgres:old@[2001:db8::1]:5432/d", "postgresql://app:new@[2001:db8::1]:5432/d"],
    [
      "postgresql://postgres:old@a:1,b:2/d?target_session_attrs=read-write",
      "postgresql://app:new@a:1,b:2/d?target_session_attrs=read-write",
    ],
    ["postgresql://postgres:p@ss@db/d", "postgresql://app:new@db/d"],
    [
      "postgresql://postgres:p%40s%2Fs@db/d%20x?Application_Name=a%20b&sslmode=disable",
      "postgresql://app:new@db/d%20x?Application_Name=a%20b&sslmode=disable",
    ],
    [
      "postgresql://postgres:old@db/d?options=-c%20search_path%3Da@b/c?d",
      "postgresql://app:new@db/d?options=-c%20search_path%3Da@b/c?d",
    ],
    [
      "postgresql://db/d?user=postgres&sslmode=require&password=old",
      "postgresql://app:new@db/d?user=app&sslmode=require&password=new",
    ],
    [
      "postgresql://db/d?sslpassword=k&application_user=x",
      "postgresql://app:new@db/d?sslpassword=k&application_user=x",
    ],
  ])("%s", (legacy, expected) => {
    expect(roleUrl(legacy, "app", "new")).toBe(expected);
  });

  test("encodes characters that would end the user or the password", () => {
    expect(roleUrl("postgresql://x@db/d", "a:p/p", "'p@$&(w)*!'")).toBe(
      "postgresql://a%3Ap%2Fp:%27p%40%24%26%28w%29%2A%21%27@db/d",
    );
  });

  const text = fc.string({ unit: "grapheme", minLength: 1 });
  const encodedText = text.map((value) => encodeURIComponent(value));
  const userinfo = fc.option(
    fc
      .tuple(encodedText, fc.option(encodedText))
      .map(([user, password]) => (password === null ? `${user}@` : `${user}:${password}@`)),
    { nil: "" },
  );
  const hosts = fc.constantFrom(
    "db",
    "DB.example.com:5432",
    "[::1]",
    "[fe80::1%25eth0]:5433",
    "a:1,b:2",
    "%2Fvar%2Frun",
    "",
  );
  const path = fc.option(
    encodedText.map((name) => `/${name}`),
    { nil: "" },
  );
  const query = fc.constantFrom(
    "",
    "?",
    "?sslmode=disable",
    "?options=-c%20role%3Dx&application_name=A%2FB",
    "?a=1&&b",
  );

  test("keeps every byte but user and password", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("postgres", "postgresql", "postgresql+asyncpg"),
        userinfo,
        hosts,
        path,
        query,
        text,
        text,
        (scheme, info, host, database, parameters, role, password) => {
          const written = `${scheme}://${info}${host}${database}${parameters}`;
          const made = roleUrl(written, role, password);
          const [, user, secret, rest] = /^[a-z0-9+]+:\/\/([^:@/]*):([^:@/]*)@(.*)$/s.exec(made) ?? [];
          expect(made.startsWith(`${scheme}://`)).toBe(true);
          expect(decodeURIComponent(user ?? "")).toBe(role);
          expect(decodeURIComponent(secret ?? "")).toBe(password);
          expect(rest).toBe(`${host}${database}${parameters}`);
          expect(databaseUrlUser(made)).toBe(role);
          expect(roleUrl(made, role, password)).toBe(made);
          expect(databaseUrlUser(withoutLogin(written))).toBeUndefined();
          expect(roleUrl(withoutLogin(written), role, password)).toBe(made);
        },
      ),
    );
  });

  // pg does not decode #, ? and similar characters in a database's name; libpq does.
  const databaseName = fc.stringMatching(/^[\wé %"-]+$/);

  test("pg reads it back as role, password and database", () => {
    fc.assert(
      fc.property(text, text, databaseName, (role, password, database) => {
        const legacy = makeDatabaseUrl({ host: "db", port: 5432, user: "postgres", password: "old", database });
        const { user, password: read, host, port, database: dialled } = new pg.Client(roleUrl(legacy, role, password));
        expect([user, read, host, port, dialled]).toEqual([role, password, "db", 5432, database]);
        expect(databaseUrlDatabase(legacy)).toBe(database);
      }),
    );
  });
});

describe("makeDatabaseUrl", () => {
  const login = { host: "timescale_db", port: 5432, user: "postgres", password: "p@ss", database: "tracksolid_db" };
  test.each([
    [{}, "postgresql://postgres:p%40ss@timescale_db:5432/tracksolid_db"],
    [{ password: undefined }, "postgresql://postgres@timescale_db:5432/tracksolid_db"],
    [{ host: "2001:db8::1" }, "postgresql://postgres:p%40ss@[2001:db8::1]:5432/tracksolid_db"],
    [{ host: "/var/run/postgresql" }, "postgresql://postgres:p%40ss@%2Fvar%2Frun%2Fpostgresql:5432/tracksolid_db"],
  ])("%j", (change, expected) => {
    expect(makeDatabaseUrl({ ...login, ...change })).toBe(expected);
  });
});

test.each([
  ["postgresql://postgres:x@db/d", "postgres", "d"],
  ["postgresql://db/d", undefined, "d"],
  ["postgresql://a%40b@db", "a@b", undefined],
  ["postgresql://a@db/d?user=b&dbname=e", "b", "e"],
  ["postgresql://:x@db/", undefined, undefined],
])("the user and the database of %s", (url, user, database) => {
  expect(databaseUrlUser(url)).toBe(user);
  expect(databaseUrlDatabase(url)).toBe(database);
});

test.each([
  "mysql://postgres:hunter2@db/d",
  "jdbc:postgresql://db/d?password=hunter2",
  "postgres:hunter2@db/d",
  "postgresql://postgres:hunter2 @db/d",
  "postgresql://postgres:hunter?2@db/d",
  "postgresql://postgres:hunter#2@db/d",
  "postgresql://postgres:hunter/2@db/d",
])("%s is refused without being shown", (url) => {
  expect(() => roleUrl(url, "app", "new")).toThrow(DatabaseUrlError);
  expect(() => roleUrl(url, "app", "new")).not.toThrow(/hunter/);
});

test.each(["a$b", "$$", "100%", "%24", "a b", "a'b\"c", "ünï", "a&b=c;d,e:f+g", "(x)!*"])(
  "the database %j is the one that Node's pg logs in to, and so is the user",
  (name) => {
    const url = makeDatabaseUrl({ host: "db", port: 5432, user: name, password: name, database: name });
    const client = new pg.Client({ connectionString: url });
    expect([client.user, client.password, client.database]).toEqual([name, name, name]);
    expect(databaseUrlDatabase(url)).toBe(name);
    expect(databaseUrlUser(roleUrl(url, name, name))).toBe(name);
  },
);
