import { expect, test } from "vitest";
import { extend, type Snapshot } from "../../provider/catalog/baseline.ts";

const empty: Snapshot = {
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

test("a later snapshot records new objects without the stack's own doing", () => {
  const recorded = { ...empty, owners: { "app.old": "postgres" } };
  const now: Snapshot = {
    ...empty,
    owners: { "app.old": "reader", "app.new": "postgres", "app.own": "reader" },
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
    owners: { "app.old": "postgres", "app.new": "postgres" },
    acls: {
      "app.new": ["postgres=arwd/postgres", "bob=r/postgres"],
      "app.new_id_seq": ["=U/postgres"],
    },
    columnAcls: { "app.new": { a: ["bob=w/postgres"] } },
    linked: { "app.new_id_seq": "app.new" },
  });
});
