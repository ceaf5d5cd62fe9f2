import { configPath } from "../../../model/config-path.ts";
import { alternateLogins } from "../../../model/login-roles.ts";
import { readableShellWord } from "../../../model/shell-word.ts";
import { budgetEntries } from "../../../model/stack.ts";
import { missing, undeclared, unlimited } from "../../../provider/budget/live-budget.ts";
import { existingRoles } from "../../../provider/postgres/roles.ts";
import type { Context } from "../context.ts";
import { count, type Findings } from "../finding.ts";
import type { Observations } from "../observation.ts";
import { sqlName } from "../sql-name.ts";
import type { Declared } from "../subject.ts";

/** Login roles that are missing, undeclared, unlimited, or can do more than use data. */
export async function checkLoginRoles(context: Context, findings: Findings): Promise<void> {
  const { subject, logins, server, observations } = context;
  // The superuser that initdb created, and the roles that administer the server.
  const admins = new Set([
    ...(
      await server.anySession((db) => db.query<{ role: string }>("SELECT rolname AS role FROM pg_roles WHERE oid = 10"))
    ).rows.map(({ role }) => role),
    subject.declared ? subject.declared.stack.server.admin.user : server.address.user,
  ]);
  if (subject.declared) await checkDeclared(context, subject.declared, admins, findings);
  else {
    for (const { role, limit, attributes } of logins) {
      if (limit >= 0 || admins.has(role) || attributes.includes("SUPERUSER")) continue;
      findings.add({
        check: "unlimited-login",
        object: role,
        severity: "medium",
        what: `${role} can log in, and no limit applies to it`,
        fix: limitStatement(role, observations),
        cis: "5.5",
      });
    }
  }
  const known = new Set(subject.declared ? budgetEntries(subject.declared.stack).map(({ role }) => role) : []);
  for (const { role, attributes } of logins) {
    if (attributes.length === 0 || admins.has(role)) continue;
    findings.add({
      check: "elevated-login",
      object: role,
      severity: known.has(role) || attributes.includes("SUPERUSER") ? "high" : "medium",
      what: `${role} can log in and has ${attributes.join(", ")}`,
      fix: `ALTER ROLE ${sqlName(role)} ${attributes.map((attribute) => `NO${attribute}`).join(" ")}`,
      cis: "4.3",
    });
  }
}

async function checkDeclared(
  { server, observations, logins }: Context,
  { name, stack, state }: Declared,
  admins: Set<string>,
  findings: Findings,
): Promise<void> {
  const entries = budgetEntries(stack);
  const live = observations.latest.roles;
  const stackOption = `--stack ${readableShellWord(name)}`;
  const existing = await server.anySession((db) =>
    existingRoles(
      db,
      entries.map(({ role }) => role),
    ),
  );
  // Before the first up, none of its roles exists, which is one finding.
  const isDeployed = state instanceof Error || (state.resources ?? []).length > 0;
  for (const { role, source } of entries) {
    if (!isDeployed || source !== "declared" || existing.has(role)) continue;
    findings.add({
      check: "missing-role",
      object: role,
      severity: "high",
      what: `${role} is declared, but the server has no such role`,
      fix: `pulumi up ${stackOption}`,
    });
  }
  for (const role of missing(entries, live)) {
    findings.add({
      check: "missing-role",
      object: role,
      severity: "low",
      what: `${role} is in existingRoles, but cannot log in; its part of the budget is unused`,
      fix: `pulumi config rm --path ${readableShellWord(configPath(["existingRoles", role]))} ${stackOption}`,
    });
  }
  const assumed = Object.keys(stack.roles).filter((role) => stack.roles[role]?.rotation === "alternate");
  const turns = assumed.flatMap(alternateLogins);
  const limits = new Map(logins.map(({ role, limit }) => [role, limit]));
  const outside = undeclared([...entries.map(({ role }) => role), ...assumed, ...turns, ...admins], live);
  for (const [role, words] of Object.entries(outside)) {
    const limit = limits.get(role) ?? -1;
    const isUnlimited = limit === -1;
    const declared = isUnlimited ? observations.limitFor(role) : Math.max(1, limit);
    const path = readableShellWord(configPath(["existingRoles", role, "connectionLimit"]));
    findings.add({
      check: "undeclared-login",
      object: role,
      severity: isUnlimited ? "high" : "medium",
      what: `${role} can log in (${words}), and is not in the budget`,
      fix: `pulumi config set --path ${path} ${declared} ${stackOption}${isUnlimited ? `, then ${limitStatement(role, observations)}` : ""}; or: ALTER ROLE ${sqlName(role)} NOLOGIN`,
      ...(isUnlimited && { cis: "5.5" as const }),
    });
  }
  const isSuperuser = (role: string) => live.some((one) => one.role === role && one.superuser);
  for (const [role, words] of Object.entries(unlimited(entries, live, []))) {
    const declared = entries.find((entry) => entry.role === role)?.limit ?? 0;
    findings.add({
      check: "unlimited-login",
      object: role,
      severity: "high",
      what: `the server does not hold ${role} to its limit: ${words}`,
      fix: isSuperuser(role)
        ? `ALTER ROLE ${sqlName(role)} NOSUPERUSER`
        : `ALTER ROLE ${sqlName(role)} CONNECTION LIMIT ${declared}; or enforce: true in ${configPath(["existingRoles", role])}, then pulumi up ${stackOption}`,
      cis: "5.5",
    });
  }
}

/** Login roles of which no earlier audit has seen a session for the given days. */
export async function checkUnused(context: Context, findings: Findings): Promise<void> {
  const { history, policy, now, logins, subject } = context;
  const { unusedDays } = policy;
  if (unusedDays === undefined || !history) return;
  const begin = now.getTime() - unusedDays * day;
  if (history.since.getTime() > begin) {
    const possible = new Date(history.since.getTime() + unusedDays * day);
    findings.note(
      `unused roles: the history begins ${dateOf(history.since)}, so a role unused for ${count(unusedDays, "day")} can be found from ${dateOf(possible)} on`,
    );
  }
  const own = subject.declared
    ? budgetEntries(subject.declared.stack).filter(({ source }) => source === "declared")
    : [];
  // An up gives a role of the stack its LOGIN back.
  const isOwn = (name: string) => own.some(({ role }) => role === name);
  for (const { role } of logins) {
    const seen = history.roles.get(role);
    if (!seen || (seen.lastSession ?? seen.firstSeen).getTime() > begin) continue;
    const last = seen.lastSession ? `its last session was seen ${dateOf(seen.lastSession)}` : "none was ever seen";
    findings.add({
      check: "unused-role",
      object: role,
      severity: "low",
      what: `${role} had no session at ${count(seen.misses, "audit")} since ${dateOf(seen.lastSession ?? seen.firstSeen)}: ${last}`,
      fix: isOwn(role)
        ? `remove it from app-roles:roles and its services, then pulumi up --stack ${readableShellWord(subject.declared?.name ?? "")}`
        : `ALTER ROLE ${sqlName(role)} NOLOGIN`,
      details: ["sessions between two audits are not seen"],
      cis: "4.4",
    });
  }
}

/** A number to start with, and what it must be above. */
function limitStatement(role: string, observations: Observations): string {
  const peak = count(observations.peakOf(role), "session");
  return `ALTER ROLE ${sqlName(role)} CONNECTION LIMIT ${observations.limitFor(role)} -- more than its peak, ${peak}`;
}

const day = 86_400_000;

function dateOf(date: Date): string {
  return date.toISOString().slice(0, 10);
}
