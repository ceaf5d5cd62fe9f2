import { loginsOf } from "../../../model/login-roles.ts";
import { readableShellWord } from "../../../model/shell-word.ts";
import { budgetEntries } from "../../../model/stack.ts";
import { nameOf } from "../../pulumi/state.ts";
import type { Context } from "../context.ts";
import { count, type Findings, several } from "../finding.ts";
import { sqlName } from "../sql-name.ts";
import type { Declared } from "../subject.ts";

const day = 86_400_000;
/** Days before VALID UNTIL in which it is a finding. */
const notice = 7;
/** Days until the VALID UNTIL in a fix. */
const defaultValidity = 90;

/** Age, expiry and storage of passwords. */
export async function checkPasswords(context: Context, findings: Findings): Promise<void> {
  checkAge(context, findings);
  checkExpiry(context, findings);
  await checkVerifiers(context, findings);
}

/** Postgres does not keep when a password was set; the state of the stack has the time of each generated one. */
function checkAge({ subject, policy, now, logins }: Context, findings: Findings): void {
  const { maxPasswordAge } = policy;
  if (maxPasswordAge === undefined) return;
  const { declared } = subject;
  if (!declared || declared.state instanceof Error) {
    const why = declared ? (declared.state as Error).message : "without a stack the age of a password is not known";
    findings.cannot("password-age", why, "run it in the folder of Pulumi.yaml; npx app-roles doctor checks the state");
    return;
  }
  const created = new Map(
    (declared.state.resources ?? [])
      .filter(({ type, delete: isReplaced }) => type === "random:index/randomPassword:RandomPassword" && !isReplaced)
      .map(({ urn, created: at }) => [nameOf(urn), at]),
  );
  const undated: string[] = [];
  for (const { role } of logins) {
    const at = created.get(role);
    if (at === undefined) {
      undated.push(role);
      continue;
    }
    const age = Math.floor((now.getTime() - new Date(at).getTime()) / day);
    if (age <= maxPasswordAge) continue;
    findings.add({
      check: "password-age",
      object: role,
      severity: "medium",
      what: `the password of ${role} is ${count(age, "day")} old (set ${at.slice(0, 10)}), more than ${maxPasswordAge}`,
      fix: rotation(declared, role) ?? `pulumi up --stack ${readableShellWord(declared.name)}`,
    });
  }
  if (undated.length > 0) {
    findings.note(`password age: only passwords that the stack generated have a known age, so not ${several(undated)}`);
  }
}

function checkExpiry({ policy, now, logins, subject }: Context, findings: Findings): void {
  const next = new Date(now.getTime() + (policy.maxPasswordAge ?? defaultValidity) * day).toISOString().slice(0, 10);
  const known = new Set(subject.declared ? budgetEntries(subject.declared.stack).map(({ role }) => role) : []);
  for (const { role, validUntil } of logins) {
    const until = (time: string) => `ALTER ROLE ${sqlName(role)} VALID UNTIL '${time}'`;
    if (validUntil === null) {
      if (!policy.requireExpiry) continue;
      const what = `the password of ${role} never expires`;
      findings.add({ check: "password-expiry", object: role, severity: "low", what, fix: until(next) });
      continue;
    }
    const left = Math.ceil((validUntil.getTime() - now.getTime()) / day);
    if (left > notice) continue;
    const when = validUntil.toISOString().slice(0, 10);
    findings.add({
      check: "password-expiry",
      object: role,
      severity: known.has(role) ? "high" : "low",
      what:
        left <= 0
          ? `the password of ${role} expired on ${when}: it cannot log in with it`
          : `the password of ${role} expires on ${when}, in ${count(left, "day")}`,
      fix: until(policy.requireExpiry ? next : "infinity"),
    });
  }
}

/** Verifiers are in pg_authid, which only superusers can read by default. */
async function checkVerifiers({ server, subject }: Context, findings: Findings): Promise<void> {
  const rows = await server.anySession(async (db) => {
    const may = await db.query<{ may: boolean }>("SELECT has_table_privilege('pg_catalog.pg_authid', 'SELECT') AS may");
    if (!may.rows[0]?.may) return undefined;
    const { rows: found } = await db.query<{ role: string }>(
      "SELECT rolname AS role FROM pg_authid WHERE rolcanlogin AND rolpassword LIKE 'md5%' ORDER BY 1",
    );
    return found;
  });
  if (!rows) {
    const { user } = server.address;
    const fix = `audit as a superuser, or: GRANT SELECT ON pg_authid TO ${sqlName(user)}, which also shows it every verifier`;
    findings.cannot("md5-password", `${user} cannot read pg_authid, where the verifiers are`, fix);
    return;
  }
  for (const { role } of rows) {
    findings.add({
      check: "md5-password",
      object: role,
      severity: "medium",
      what: `the password of ${role} is stored as MD5, which PostgreSQL deprecates: the stored text is enough to log in`,
      fix:
        rotation(subject.declared, role) ??
        `in psql: SET password_encryption = 'scram-sha-256'; then \\password ${sqlName(role)}`,
    });
  }
}

/** What gives a login role of the stack a new password; undefined for any other role. */
function rotation(declared: Declared | undefined, login: string): string | undefined {
  if (!declared) return undefined;
  const role = Object.entries(declared.stack.roles).find(([name, one]) => loginsOf(name, one).includes(login))?.[0];
  return role && `npx app-roles rotate ${readableShellWord(role)} --stack ${readableShellWord(declared.name)}`;
}
