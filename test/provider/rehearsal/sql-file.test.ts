import { describe, expect, test } from "vitest";
import { parseSqlFile } from "../../../provider/rehearsal/sql-file.ts";

const read = (text: string) => parseSqlFile({ name: "x.sql", text });

test("statements keep their line and text, with any quotes and comments", async () => {
  const text = [
    "-- COMMIT; é",
    "CREATE TABLE a (note text DEFAULT 'COMMIT; ''');",
    "/* ROLLBACK;",
    "   /* nested */ */",
    "DO $body$",
    "BEGIN",
    "  PERFORM 1; -- COMMIT;",
    "END $body$; SELECT 1",
  ].join("\n");
  const { statements, refused } = await read(text);
  expect(refused).toEqual([]);
  expect(statements.map(({ line }) => line)).toEqual([2, 5, 8]);
  expect(statements[0]?.sql).toBe("CREATE TABLE a (note text DEFAULT 'COMMIT; ''')");
  expect(statements[2]?.sql).toBe("SELECT 1");
});

test("an empty file has no statements", async () => {
  expect(await read("-- nothing\n")).toEqual({ statements: [], refused: [] });
});

describe("statements that cannot be rehearsed", () => {
  test.each([
    ["BEGIN", /transaction/],
    ["START TRANSACTION ISOLATION LEVEL SERIALIZABLE", /transaction/],
    ["ROLLBACK", /transaction/],
    ["SAVEPOINT a", /transaction/],
    ["COMMIT AND CHAIN", /transaction/],
    ["PREPARE TRANSACTION 'x'", /transaction/],
    ["SET ROLE x", /role/],
    ["SET LOCAL ROLE NONE", /role/],
    ["RESET ROLE", /role/],
    ["SET SESSION AUTHORIZATION DEFAULT", /role/],
    ["RESET SESSION AUTHORIZATION", /role/],
    ["DISCARD ALL", /cannot run in a transaction/],
    ["CREATE INDEX CONCURRENTLY ON a (b)", /cannot run in a transaction/],
    ["DROP INDEX CONCURRENTLY a", /cannot run in a transaction/],
    ["REINDEX (CONCURRENTLY) TABLE a", /cannot run in a transaction/],
    ["REINDEX SCHEMA a", /cannot run in a transaction/],
    ["ALTER TABLE a DETACH PARTITION b CONCURRENTLY", /cannot run in a transaction/],
    ["VACUUM a", /cannot run in a transaction/],
    ["CLUSTER", /cannot run in a transaction/],
    ["ALTER SYSTEM SET work_mem = 1", /cannot run in a transaction/],
    ["CREATE DATABASE a", /cannot run in a transaction/],
    ["ALTER DATABASE a SET TABLESPACE b", /cannot run in a transaction/],
    ["COPY a FROM STDIN", /client/],
    ["\\i other.sql", /psql/],
    ["SELEC 1", /syntax error/],
  ])("%s", async (sql, reason) => {
    const { refused } = await read(`SELECT 'é';\n\n${sql};`);
    expect(refused).toEqual([{ line: 3, reason: expect.stringMatching(reason) }]);
  });

  test.each([
    "ANALYZE a",
    "REINDEX TABLE a",
    "CREATE INDEX ON a (b)",
    "CLUSTER a",
    "RESET ALL",
    "ALTER TABLE a DETACH PARTITION b",
    "ALTER DATABASE a CONNECTION LIMIT 5",
    "SET LOCAL work_mem = '1MB'",
    "REFRESH MATERIALIZED VIEW CONCURRENTLY a",
  ])("not: %s", async (sql) => {
    expect((await read(sql)).refused).toEqual([]);
  });
});
