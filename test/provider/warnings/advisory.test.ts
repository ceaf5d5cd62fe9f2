import { expect, test } from "vitest";
import { Server } from "../../../provider/postgres/connection.ts";
import { privileges } from "../../../provider/privileges/resource.ts";
import { toResource } from "../../../provider/reconciler.ts";
import { testCall } from "../calls.ts";

test("inputs that only affect warnings are no change: the last cutover leaves privileges alone", async () => {
  const resource = toResource(privileges(new Server()));
  const inputs = { role: "r", database: "d", access: "reader", schemas: ["s"], creators: [] };
  const diff = (legacyUsers: string[], more: object = {}) =>
    resource.diff(testCall(), {
      id: "r/d",
      oldInputs: { ...inputs, legacyUsers: ["postgres"] },
      olds: {},
      news: { ...inputs, ...more, legacyUsers, changes: {} },
      ignoreChanges: [],
    });
  expect(await diff([])).toMatchObject({ changes: false, detailed: {} });
  expect(await diff([], { access: "writer" })).toMatchObject({
    changes: true,
    detailed: { access: expect.anything() },
  });
});
