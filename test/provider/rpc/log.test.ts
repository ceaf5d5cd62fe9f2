import { expect, test } from "vitest";
import { CallLog } from "../../../provider/rpc/log.ts";
import { Secrets } from "../../../provider/rpc/secrets.ts";

test("the functions of a report can be passed as values", () => {
  const { info, warn, progress } = new CallLog(undefined, "urn", new Secrets());
  for (const report of [info, warn, progress]) expect(() => report("said")).not.toThrow();
});
