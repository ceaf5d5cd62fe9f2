import { expect, test } from "vitest";
import { watching } from "../../../sandbox/demo/watch.ts";
import type { ServiceEvent } from "../../../sandbox/legacy/services/events.ts";
import type { Service } from "../../../sandbox/legacy/services/service.ts";

const stamp = { service: "cron", at: "2026-06-20T00:00:00Z" };

test("counts the requests and troubles during the work, not before it", async () => {
  const log: ServiceEvent[] = [{ ...stamp, event: "request failed", code: "42501", message: "before" }];
  const lost: ServiceEvent = { ...stamp, event: "session lost", code: "57P01", message: "terminated" };
  const { result, watched } = await watching([{ name: "cron", log } as unknown as Service], async () => {
    log.push({ ...stamp, event: "request served", milliseconds: 12 }, lost);
    log.push({ ...stamp, event: "request served", milliseconds: 7 });
    return "done";
  });
  expect(result).toBe("done");
  expect(watched).toEqual([{ name: "cron", served: 2, slowest: 12, troubles: [lost] }]);
});
