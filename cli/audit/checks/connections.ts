import { escapeLiteral } from "pg";
import { configPath } from "../../../model/config-path.ts";
import { alternateLogins } from "../../../model/login-roles.ts";
import { readableShellWord } from "../../../model/shell-word.ts";
import { usableSlots } from "../../../provider/budget/live-budget.ts";
import type { Context } from "../context.ts";
import { count, type Findings } from "../finding.ts";
import { sqlName } from "../sql-name.ts";
import type { Declared } from "../subject.ts";

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
      fix: `${subject.declared ? `lower connectionLimit of roles by ${sum - usable} in all, then pulumi up --stack ${readableShellWord(subject.declared.name)}` : `lower the limits by ${sum - usable} in all (ALTER ROLE)`}; or ALTER SYSTEM SET max_connections = ${sum + reserved}, then restart the server`,
      details: limited.map(({ role, limit }) => `${role}: ${limit}`),
    });
  }

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
      fix: `lower its pool, or within the budget: ${raise(subject.declared, role, Math.max(most, limit) + Math.ceil(limit / 4))}`,
    });
  }
}

/** What sets a higher limit, where it is declared. */
function raise(declared: Declared | undefined, role: string, limit: number): string {
  const statement = `ALTER ROLE ${sqlName(role)} CONNECTION LIMIT ${limit}`;
  if (!declared) return statement;
  const { name, stack } = declared;
  const options = `--stack ${readableShellWord(name)}`;
  const set = (section: string, key: string) =>
    `pulumi config set --path ${readableShellWord(configPath([section, key, "connectionLimit"]))} ${limit} ${options}`;
  const own = Object.keys(stack.roles).find((key) => role === key || alternateLogins(key).includes(role));
  if (own !== undefined) return `${set("roles", own)} && pulumi up ${options}`;
  const entry = Object.hasOwn(stack.existingRoles, role) ? stack.existingRoles[role] : undefined;
  if (!entry) return statement;
  return entry.enforce
    ? `${set("existingRoles", role)} && pulumi up ${options}`
    : `${set("existingRoles", role)}; then ${statement}`;
}
