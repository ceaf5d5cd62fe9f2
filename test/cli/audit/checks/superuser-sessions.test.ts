import { expect, test } from "vitest";
import { isPerson } from "../../../../cli/audit/checks/superuser-sessions.ts";

test.each([
  ["psql", "10.0.0.1", true],
  ["pgAdmin 4 - DB:postgres", "10.0.0.1", true],
  ["DBeaver 24.1 - Main", "10.0.0.1", true],
  ["pg_dump", "local", true],
  ["app-roles", "10.0.0.1", true],
  ["pg_cron", "127.0.0.1", true],
  ["pg_cron", "10.0.0.1", false],
  ["unnamed", "127.0.0.1", false],
  ["worker psql", "10.0.0.1", false],
  ["PostgreSQL JDBC Driver", null, false],
])("%s at %s: a person's or the server's own: %s", (application, address, expected) => {
  expect(isPerson({ application, address })).toBe(expected);
});
