import { expect, test } from "vitest";
import { grantedOnwardProblems } from "../../../provider/privileges/granted-onward.ts";
import type { GrantableObject, Held } from "../../../provider/privileges/table.ts";

const held = (grantor: string, grantable = true): Held => ({ privilege: "UPDATE", grantor, grantable });
const table: GrantableObject = {
  key: "app.people",
  kind: "table",
  schema: "app",
  name: "people",
  owner: "postgres",
  target: { keyword: "TABLE", name: '"app"."people"' },
  securityDefiner: false,
  held: [held("postgres")],
};
const column = (...grants: Held[]): GrantableObject => ({
  ...table,
  key: "column note of app.people",
  kind: "column",
  column: "note",
  held: grants,
  grantedOnward: [{ privilege: "UPDATE", grantee: "keeper" }],
});

/** The problems of revoking the table's privilege, with which Postgres revokes the column's of the same grantor. */
const problems = (note: GrantableObject) => {
  const plan = { wanted: [], grants: [], restores: [], byHand: [] };
  const revokes = [{ place: { key: table.key, object: table }, held: table.held }];
  return grantedOnwardProblems({ ...plan, revokes }, [table, note], "app");
};

test("a column privilege that is revoked with the table's and was granted onward is a problem", () => {
  expect(problems(column(held("postgres")))).toEqual([
    'UPDATE on column note of app.people cannot be revoked from app, which granted it onward to keeper. First run: SET ROLE "app"; REVOKE UPDATE ("note") ON TABLE "app"."people" FROM "keeper"; RESET ROLE;',
  ]);
});

test.each([
  ["it is of another grantor", column(held("giver"))],
  ["a right to grant it is left, of another grantor", column(held("postgres"), held("giver"))],
])("it is no hindrance where %s", (_, note) => {
  expect(problems(note)).toEqual([]);
});
