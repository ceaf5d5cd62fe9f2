import { expect, test } from "vitest";
import { ConfigError } from "../../config/config-error.ts";
import { parseStack } from "../../config/parse-stack.ts";
import { runbookConfig } from "./runbook-config.ts";

function config(grants: unknown): Record<string, unknown> {
  const declared = runbookConfig() as { roles: Record<string, object> };
  return { ...declared, roles: { ...declared.roles, dashboard_app: { ...declared.roles.dashboard_app, grants } } };
}

function problems(grants: unknown): string[] {
  try {
    parseStack(config(grants));
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ path, message }) => `${path}: ${message}`);
  }
}

test("grants are read by database and kind of object, privileges in any case", () => {
  const grants = {
    tracksolid_db: {
      database: ["temp"],
      schemas: { audit: ["USAGE"] },
      tables: { "audit.*": ["select", "INSERT"], '"Odd.schema".t': ["SELECT"] },
      columns: { "tickets.people": { SELECT: ["id"] } },
      functions: { "audit.write(text, integer)": ["EXECUTE"] },
    },
    fleet_platform: { tables: { "fleet.vehicles": ["SELECT"] } },
  };
  expect(parseStack(config(grants)).roles.dashboard_app?.grants).toEqual(grants);
});

test.each([
  [{ nowhere: {} }, ".nowhere: nowhere is not declared under app-roles:databases"],
  [{ tracksolid_db: { table: {} } }, ".tracksolid_db.table: unknown key; did you mean tables?"],
  [
    { tracksolid_db: { tables: { "a.t": ["SELEKT"] } } },
    '.tracksolid_db.tables["a.t"]: expected SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER, MAINTAIN, found SELEKT',
  ],
  [
    { tracksolid_db: { tables: { "a.t": ["EXECUTE"] } } },
    '.tracksolid_db.tables["a.t"]: expected SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER, MAINTAIN, found EXECUTE',
  ],
  [
    { tracksolid_db: { tables: { t: ["SELECT"] } } },
    ".tracksolid_db.tables.t: expected schema.object, without a pattern for the schema",
  ],
  [
    { tracksolid_db: { functions: { "*.f": ["EXECUTE"] } } },
    '.tracksolid_db.functions["*.f"]: expected schema.object, without a pattern for the schema',
  ],
  [
    { tracksolid_db: { columns: { "a.t": { DELETE: ["id"] } } } },
    '.tracksolid_db.columns["a.t"]: expected SELECT, INSERT, UPDATE, REFERENCES, found DELETE',
  ],
  [
    { tracksolid_db: { columns: { "a.t": { SELECT: [] } } } },
    '.tracksolid_db.columns["a.t"].SELECT: expected at least one column, found an empty list',
  ],
  [
    { tracksolid_db: { schemas: { a: "USAGE" } } },
    '.tracksolid_db.schemas.a: expected a list of privileges, found "USAGE"',
  ],
])("wrong grants are refused: %j", (grants, message) => {
  expect(problems(grants)).toEqual([`app-roles:roles.dashboard_app.grants${message}`]);
});
