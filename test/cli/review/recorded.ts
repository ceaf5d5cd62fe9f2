import { readFileSync } from "node:fs";
import type { EngineEvent } from "../../../cli/pulumi/event-log.ts";
import { markdown } from "../../../cli/review/markdown.ts";
import { type Preview, PreviewReader } from "../../../cli/review/preview.ts";
import { reviewOf } from "../../../cli/review/review.ts";
import { Secrets } from "../../../provider/rpc/secrets.ts";

/**
 * The engine's events of a preview of Pulumi.prod.yaml in the sandbox: `first`; `change`, one higher limit and one new role after the
 * first up; `failing`, a budget above its ceiling; `policy`, a policy that refuses; `removal` of a role; `drift`. Without steps that
 * change nothing, except those of resources with warnings. Recorded by `PULUMI_DEBUG_COMMANDS=true pulumi preview --event-log FILE`.
 */
export function recorded(name: "first" | "change" | "failing" | "policy" | "removal" | "drift"): EngineEvent[] {
  const text = readFileSync(new URL(`recorded/${name}.jsonl`, import.meta.url), "utf8");
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as EngineEvent);
}

/** The same events in another order, in which the engine could have sent them: the refresh comes first. */
export function reordered(events: EngineEvent[]): EngineEvent[] {
  const isRefresh = ({ resourcePreEvent: event }: EngineEvent) => event?.metadata.op === "refresh";
  return [...events.filter(isRefresh), ...events.filter((event) => !isRefresh(event)).toReversed()];
}

export function previewOf(events: Iterable<EngineEvent>, secrets = new Secrets()): Preview {
  const reader = new PreviewReader(secrets);
  for (const event of events) reader.see(event);
  return reader.preview;
}

export function rendered(events: Iterable<EngineEvent>, secrets?: Secrets): string {
  return markdown(reviewOf("prod", previewOf(events, secrets)));
}
