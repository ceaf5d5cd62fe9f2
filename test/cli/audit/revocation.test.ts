import { expect, test } from "vitest";
import { type Revoked, revocation } from "../../../cli/audit/revocation.ts";

const on = (relation: string, privileges: string[], grantor = "own"): Revoked[] =>
  privileges.map((privilege) => ({ relation, owner: "own", privilege, grantor }));

test("one statement for each set of privileges", () => {
  const held = [...on("app.a", ["UPDATE", "INSERT"]), ...on("app.b", ["DELETE"]), ...on("app.c", ["INSERT", "UPDATE"])];
  expect(revocation("shop", held, "PUBLIC")).toEqual({
    fix: "in shop: REVOKE INSERT, UPDATE ON app.a, app.c FROM PUBLIC; REVOKE DELETE ON app.b FROM PUBLIC",
    statements: [],
  });
});

test("a privilege that another role granted onward is revoked as that role", () => {
  const held = [...on("app.a", ["INSERT"]), ...on("app.a", ["INSERT"], "a b")];
  expect(revocation("shop", held, "PUBLIC").fix).toBe(
    'in shop: REVOKE INSERT ON app.a FROM PUBLIC; SET ROLE "a b"; REVOKE INSERT ON app.a FROM PUBLIC; RESET ROLE',
  );
});

test("the statements for many relations are left to --verbose", () => {
  const held = Array.from({ length: 21 }, (_, index) => on(`app.t${index}`, ["INSERT"])).flat();
  const { fix, statements } = revocation("shop", held, '"r"');
  expect(fix).toBe("in shop: the statements for 21 relations that --verbose lists");
  expect(statements).toEqual([expect.stringMatching(/^REVOKE INSERT ON app\.t0, app\.t1, .*, app\.t20 FROM "r"$/)]);
});
