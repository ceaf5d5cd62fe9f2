import { expect, test } from "vitest";
import { EventLog } from "../../../cli/pulumi/event-log.ts";

test("an operation that did not begin has no events", async () => {
  const log = await EventLog.create();
  try {
    const events = [];
    for await (const event of log.each()) events.push(event);
    expect(events).toEqual([]);
    expect(await log.read()).toEqual([]);
  } finally {
    await log.remove();
  }
});
