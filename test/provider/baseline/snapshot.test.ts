import { expect, test } from "vitest";
import type { Snapshot } from "../../../provider/baseline/contract.ts";
import { extend } from "../../../provider/baseline/snapshot.ts";

const empty: Snapshot = {
  stack: "first",
  ids: {},
  schemas: ["app"],
  owners: {},
  acls: {},
  columnAcls: {},
  linked: {},
  jobs: {},
  defaultPrivileges: [],
  roles: { '"app, owner"': null, reader: null },
  existingRoles: {},
};

test("a later snapshot records new objects without the stack's own changes", () => {
  const ids = { "app.old": "pg_class/1", "app.renamed": "pg_class/3" };
  const recorded = { ...empty, ids, owners: { "app.old": "postgres", "app.renamed": "postgres" } };
  const now: Snapshot = {
    ...empty,
    stack: "second",
    ids: { "app.old": "pg_class/9", "app.new": "pg_class/2", "app.own": "pg_class/4", "app.now": "pg_class/3" },
    owners: { "app.old": "reader", "app.new": "postgres", "app.own": "reader", "app.now": "bob" },
    acls: {
      "app.old": ["postgres=r/reader"],
      "app.old_id_seq": ["postgres=U/reader"],
      "app.new": ["postgres=arwd/postgres", "reader=r/postgres", "bob=r/postgres"],
      "app.new_id_seq": ["=U/postgres", '"""app, owner"""=U/postgres'],
      "app.own": ["reader=r/reader"],
    },
    columnAcls: { "app.new": { a: ["reader=r/postgres", "bob=w/postgres"] } },
    linked: { "app.old_id_seq": "app.old", "app.new_id_seq": "app.new" },
  };
  expect(extend(recorded, now)).toEqual({
    ...recorded,
    ids: { ...ids, "app.new": "pg_class/2" },
    owners: { "app.old": "postgres", "app.renamed": "postgres", "app.new": "postgres" },
    acls: {
      "app.new": ["postgres=arwd/postgres", "bob=r/postgres"],
      "app.new_id_seq": ["=U/postgres"],
    },
    columnAcls: { "app.new": { a: ["bob=w/postgres"] } },
    linked: { "app.new_id_seq": "app.new" },
  });
});
