import { usableSlots } from "../../provider/budget/live-budget.ts";
import { oneLine } from "../../provider/warnings/warning.ts";
import { table } from "../terminal/screen.ts";
import { rolesOf } from "./document.ts";
import type { Observations } from "./observation.ts";
import type { Subject } from "./subject.ts";

/** Longest name of a role that is shown whole, so that a line fits 80 columns. */
const longest = 28;
/** Characters of a bar. */
const barLength = 16;

/** The sessions as a table of at most 80 columns, busiest role first. */
export function liveView(subject: Subject, observations: Observations): string {
  const { slots } = observations.latest;
  const rows = rolesOf({ subject, observations })
    .filter(({ limit, peak, source }) => peak > 0 || source !== "undeclared" || limit === null)
    .toSorted((a, b) => b.sessions - a.sessions || b.peak - a.peak)
    .map(({ role, sessions, peak, limit, superuser, source }) => [
      shortened(oneLine(role)),
      sessions,
      peak,
      limit ?? "-",
      limit === null ? (superuser ? "superuser" : "unlimited") : bar(sessions, peak, limit),
      source === "undeclared" && !superuser ? "!" : "",
    ]);
  const free = Math.max(0, usableSlots(slots) - slots.used);
  const reserved = slots.superuserReserved + slots.reserved;
  const head = `${slots.used} of ${slots.max} connections, peak ${observations.peak}, ${free} free, ${reserved} reserved`;
  return `${head}\n\n${table([["role", "now", "peak", "limit", "", ""], ...rows])}`;
}

/** `####..      `: sessions now, the peak, and what the limit leaves. */
function bar(now: number, peak: number, limit: number): string {
  const length = (sessions: number) => Math.min(barLength, Math.ceil((sessions / Math.max(1, limit)) * barLength));
  return `[${"#".repeat(length(now)).padEnd(length(peak), ".").padEnd(barLength)}]`;
}

function shortened(name: string): string {
  return name.length > longest ? `${name.slice(0, longest - 1)}…` : name;
}
