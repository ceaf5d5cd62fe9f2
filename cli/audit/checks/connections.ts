import { escapeIdentifier, escapeLiteral } from "pg";
import { budgetEntries } from "../../../model/stack.ts";
import { usableSlots } from "../../../provider/budget/live-budget.ts";
import type { Context } from "../context.ts";
import { count, type Findings } from "../finding.ts";

/** Share of max_connections above which the server is nearly full: the total should sit comfortably below it (runbook). */
const comfortable = 0.8;

/** Sessions against limits, and all of them against the server's slots, at the peak. */
export async function checkConnections({ observations, subject, logins }: Context, findings: Findings): Promise<void> {
  const { slots } = observations.latest;
  const { peak } = observations;
  const usable = usableSlots(slots);
  const reserved = slots.superuserReserved + slots.reserved;
  const busiest = observations.latest.roles.toSorted(
    (a, b) => observations.peakOf(b.role) - observations.peakOf(a.role),
  );
  const details = busiest
    .map(({ role }) => ({ role, most: observations.peakOf(role) }))
    .filter(({ most }) => most > 0)
    .map(({ role, most }) => `${role}: ${count(most, "session")}`);
  const [first] = busiest;
  const fix = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle' AND usename = ${escapeLiteral(first?.role ?? "")}; then limit what opened them`;
  if (peak >= usable) {
    const what = `${peak} of ${slots.max} connections were in use, and ${reserved} are reserved: other roles could not log in`;
    findings.add({ check: "server-capacity", object: "server", severity: "high", what, fix, details });
  } else if (peak > slots.max * comfortable) {
    const what = `${peak} of ${slots.max} connections were in use (${reserved} are reserved)`;
    findings.add({ check: "server-capacity", object: "server", severity: "medium", what, fix, details });
  }

  const limited = logins.filter(({ limit, attributes }) => limit >= 0 && !attributes.includes("SUPERUSER"));
  const sum = limited.reduce((total, { limit }) => total + limit, 0);
  if (sum > usable) {
    findings.add({
      check: "limits-sum",
      object: "server",
      severity: "high",
      what: `the limits of ${count(limited.length, "login role")} add up to ${sum}, but the server has ${usable} slots for them`,
      fix: "lower connectionLimit of a role until they fit, or raise max_connections; then pulumi up",
      details: limited.map(({ role, limit }) => `${role}: ${limit}`),
    });
  }

  const declared = new Set(subject.declared ? budgetEntries(subject.declared.stack).map(({ role }) => role) : []);
  for (const { role, limit } of limited) {
    const most = observations.peakOf(role);
    if (limit === 0 || most < limit) continue;
    findings.add({
      check: "session-limit",
      object: role,
      severity: most > limit ? "high" : "medium",
      what:
        most > limit
          ? `${role} had ${count(most, "session")}, above its limit of ${limit}: it cannot log in`
          : `${role} had ${count(most, "session")}, all of its limit: its next login would be refused`,
      fix: declared.has(role)
        ? "lower the pool of its services, or raise its connectionLimit within the budget; then pulumi up"
        : `lower its pool, or: ALTER ROLE ${escapeIdentifier(role)} CONNECTION LIMIT …`,
    });
  }
}
