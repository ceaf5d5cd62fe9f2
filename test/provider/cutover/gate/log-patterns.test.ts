import { describe, expect, test } from "vitest";
import { logCheck } from "../../../../provider/cutover/gate/log-patterns.ts";

const rules = { migrates: false, patterns: [], ignore: [] };

describe("errors of Postgres for the role fail the gate", () => {
  test.each([
    "ERROR:  permission denied for table devices",
    "error: must be owner of table position_history",
    'FATAL:  too many connections for role "tracksolid_owner"',
    'FATAL: password authentication failed for user "dashboard_app"',
    'no pg_hba.conf entry for host "172.18.0.4", user "dashboard_app", database "tracksolid_db", no encryption',
    'role "dashboard_app" does not exist',
    'FATAL: role "dashboard_app" is not permitted to log in',
    "FATAL:  terminating connection due to idle-session timeout",
  ])("%s", (line) => expect(logCheck(rules)(line)).toBeDefined());
});

describe("a failed migration fails only the gate of a service that migrates", () => {
  test.each([
    "alembic.util.exc.CommandError: Can't locate revision identified by '3f2a'",
    "FAILED: Can't locate revision identified by '3f2a'",
    'migration file "20260101_x.js" failed',
    "Migration failed for changeset db.xml::1::me",
    'Migration of schema "public" to version "2 - x" failed! Please restore backups and roll back database and code!',
    "error: Dirty database version 16. Fix and force version.",
    "django.db.migrations.exceptions.InconsistentMigrationHistory: Migration x is applied before",
    "Error: P3009",
    "An error has occurred, this and all later migrations canceled:",
    "Error during migration run:",
  ])("%s", (line) => {
    expect(logCheck({ ...rules, migrates: true })(line)).toBeDefined();
    expect(logCheck(rules)(line)).toBeUndefined();
  });
});

test("an ordinary line passes", () => {
  const check = logCheck({ ...rules, migrates: true });
  for (const line of [
    "Migrations: 12 applied",
    "listening on :8080",
    "order P3001234 shipped",
    "role viewer granted",
  ]) {
    expect(check(line)).toBeUndefined();
  }
});

test("the user's patterns are added, and ignore takes precedence", () => {
  const check = logCheck({ migrates: false, patterns: ["^PANIC"], ignore: ["permission denied .* /tmp/cache"] });
  expect(check("PANIC at 3 a.m.")).toBe("gate.patterns: ^PANIC");
  expect(check("open: permission denied for /tmp/cache")).toBeUndefined();
  expect(check("permission denied for table t")).toBeDefined();
});
