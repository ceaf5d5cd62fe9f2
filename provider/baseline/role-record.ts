import { escapeIdentifier, escapeLiteral } from "pg";
import type { Queryable } from "../postgres/connection.ts";
import { isSuperuser } from "../postgres/roles.ts";
import type { RoleRecord } from "./contract.ts";

type Membership = RoleRecord["memberships"][number];

/** The roles by name; null for a role that does not exist. */
export async function readRoles(db: Queryable, names: string[]): Promise<Record<string, RoleRecord | null>> {
  const { rows } = await db.query<{ name: string; record: RoleRecord | null }>(rolesSql, [names]);
  return Object.fromEntries(rows.map(({ name, record }) => [name, record]));
}

/** Password verifiers from pg_authid, null for no password; undefined if the admin cannot read them. */
export async function readVerifiers(
  db: Queryable,
  names: string[],
): Promise<Record<string, string | null> | undefined> {
  if (!(await isSuperuser(db))) return undefined;
  const { rows } = await db.query<{ name: string; verifier: string | null }>(
    "SELECT rolname AS name, rolpassword AS verifier FROM pg_authid WHERE rolname = ANY ($1::text[])",
    [names],
  );
  return Object.fromEntries(rows.map(({ name, verifier }) => [name, verifier]));
}

/** Statements that restore a role from the baseline, without its settings. */
export function roleRestoration(role: string, is: RoleRecord, was: RoleRecord, verifier: string | null): string[] {
  const name = escapeIdentifier(role);
  const options = attributes
    .filter(({ key }) => is[key] !== was[key])
    .map(({ key, word }) => (was[key] ? word : `NO${word}`));
  if (is.connectionLimit !== was.connectionLimit) options.push(`CONNECTION LIMIT ${was.connectionLimit}`);
  if (is.validUntil !== was.validUntil) options.push(`VALID UNTIL ${escapeLiteral(was.validUntil ?? "infinity")}`);
  options.push(`PASSWORD ${verifier === null ? "NULL" : escapeLiteral(verifier)}`);
  const same = (a: Membership) => (b: Membership) => JSON.stringify(a) === JSON.stringify(b);
  const lost = was.memberships.filter((one) => !is.memberships.some(same(one)));
  // The official Role replaces memberships by plain grants: revoke those that replaced a recorded one.
  const replaced = is.memberships.filter(
    (one) => lost.some((before) => before.role === one.role) && !was.memberships.some(same(one)),
  );
  return [
    `ALTER ROLE ${name} WITH ${options.join(" ")}`,
    ...replaced.map(
      (one) => `REVOKE ${escapeIdentifier(one.role)} FROM ${name} GRANTED BY ${escapeIdentifier(one.grantor)}`,
    ),
    ...lost.map((one) => grantStatement(name, one)),
  ];
}

function grantStatement(member: string, { role, grantor, admin, inherit, set }: Membership): string {
  const options =
    inherit === null || set === null
      ? admin
        ? " WITH ADMIN OPTION"
        : ""
      : ` WITH ADMIN ${admin}, INHERIT ${inherit}, SET ${set}`;
  return `GRANT ${escapeIdentifier(role)} TO ${member}${options} GRANTED BY ${escapeIdentifier(grantor)}`;
}

const attributes = [
  { key: "canLogin", word: "LOGIN" },
  { key: "superuser", word: "SUPERUSER" },
  { key: "createRole", word: "CREATEROLE" },
  { key: "createDatabase", word: "CREATEDB" },
  { key: "inherit", word: "INHERIT" },
  { key: "replication", word: "REPLICATION" },
  { key: "bypassRowLevelSecurity", word: "BYPASSRLS" },
] as const;

const rolesSql = `
  SELECT wanted.name, CASE WHEN r.oid IS NOT NULL THEN json_build_object(
           'connectionLimit', r.rolconnlimit, 'canLogin', r.rolcanlogin, 'superuser', r.rolsuper,
           'createRole', r.rolcreaterole, 'createDatabase', r.rolcreatedb, 'inherit', r.rolinherit,
           'replication', r.rolreplication, 'bypassRowLevelSecurity', r.rolbypassrls,
           'validUntil', r.rolvaliduntil::text,
           'memberships', coalesce((
             SELECT json_agg(json_build_object(
                      'role', pg_get_userbyid(m.roleid), 'grantor', pg_get_userbyid(m.grantor), 'admin', m.admin_option,
                      'inherit', (to_jsonb(m) ->> 'inherit_option')::boolean, 'set', (to_jsonb(m) ->> 'set_option')::boolean
                    ) ORDER BY pg_get_userbyid(m.roleid), pg_get_userbyid(m.grantor))
             FROM pg_auth_members m WHERE m.member = r.oid
           ), '[]'),
           'settings', coalesce((
             SELECT json_object_agg(coalesce(d.datname, ''), to_json(ARRAY(SELECT entry FROM unnest(s.setconfig) entry ORDER BY entry)))
             FROM pg_db_role_setting s LEFT JOIN pg_database d ON d.oid = s.setdatabase WHERE s.setrole = r.oid
           ), '{}')) END AS record
  FROM unnest($1::text[]) AS wanted(name) LEFT JOIN pg_roles r ON r.rolname = wanted.name
  ORDER BY 1`;
