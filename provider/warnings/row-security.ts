import type { Access } from "../../model/stack.ts";
import type { Queryable } from "../postgres/connection.ts";
import { quoted } from "../postgres/names.ts";
import { type AfterUp, readAfterUp } from "./after-up.ts";
import type { OwnershipFacts, RoleFacts } from "./facts.ts";
import { bypassesRowSecurity, type Roles, rolesOf } from "./roles.ts";
import { byName, readAsView, readViews, type View } from "./views.ts";
import type { Warning, WarningKind } from "./warning.ts";

/** A table with row level security enabled. */
interface Guarded {
  name: string;
  schema: string;
  owner: string;
  /** FORCE: the policies also apply to the owner. */
  forced: boolean;
  policies: Policy[];
}

interface Policy {
  name: string;
  permissive: boolean;
  /** pg_policy.polcmd: r SELECT, a INSERT, w UPDATE, d DELETE, * all. */
  command: "r" | "a" | "w" | "d" | "*";
  /** An empty name means PUBLIC. */
  roles: string[];
  /** It admits every row: USING (true), WITH CHECK (true). */
  always: boolean;
}

/** pg_policy.polcmd of the statements that an access level allows. */
const commandsOf: Record<Access, Policy["command"][]> = {
  owner: ["r", "a", "w", "d"],
  writer: ["r", "a", "w", "d"],
  reader: ["r"],
};

/** Tables whose policies start to apply to a service when it logs in as its role: it sees fewer rows without an error. */
export const rowSecurityOfReaders: WarningKind<RoleFacts> = {
  name: "row level security that starts to apply",
  async find(db, facts, reads) {
    const tables = await reads.once(db, readGuarded);
    const after = await readAfterUp(db, facts, reads);
    const { access } = facts;
    // Tables that the owner will own are checked by rowSecurityOfOwner.
    if (access === undefined || access === "owner") return [];
    return tables
      .filter(({ schema }) => facts.schemas.includes(schema))
      .flatMap((table) => startsToApply(table, facts.role, access, facts.legacyUsers, after));
  },
};

/**
 * Tables whose policies apply to their new owner (FORCE) or start to apply to the previous owner, and moved views that read such
 * a table as their new owner.
 */
export const rowSecurityOfOwner: WarningKind<OwnershipFacts> = {
  name: "row level security that starts to apply to the owner",
  async find(db, facts, reads) {
    const tables = await reads.once(db, readGuarded);
    if (tables.length === 0) return [];
    const after = await readAfterUp(db, facts, reads);
    const own = tables
      .filter((table) => table.forced && after.ownerOf(table.name, table.owner) === facts.owner)
      .flatMap((table) => startsToApply(table, facts.owner, "owner", facts.legacyUsers, after));
    const previousOwners = tables.flatMap((table) => {
      const previous = after.previousOwnerOf(table.name, table.owner);
      if (after.ownerOf(table.name, table.owner) === previous || bypassesRowSecurity(after.roles, previous)) return [];
      return startsToApply(table, previous, "owner", [previous], after);
    });
    return [...own, ...previousOwners, ...viewsWithFewerRows(facts, tables, await reads.once(db, readViews), after)];
  },
};

/** Nothing if the policies already apply today, or if a policy names the role: then it is on purpose. */
function startsToApply(table: Guarded, role: string, access: Access, from: string[], after: AfterUp): Warning[] {
  const { roles } = after;
  const previous = after.previousOwnerOf(table.name, table.owner);
  const exempt = from.filter((user) => !applies(table, user, roles, previous));
  if (exempt.length === 0 || !applies(table, role, roles, after.ownerOf(table.name, table.owner))) return [];
  const effective = rolesOf(roles, role);
  const policies = table.policies.filter((policy) => policy.roles.some((name) => name === "" || effective.has(name)));
  if (policies.some((policy) => policy.roles.includes(role))) return [];
  const restricted = commandsOf[access].filter((command) => !passesAll(policies, command));
  if (restricted.length === 0) return [];
  const names = policies.map(({ name }) => name).join(", ");
  const rows = policies.some(({ permissive }) => permissive) ? `only the rows that ${names} admits` : "no rows at all";
  return [
    {
      object: table.name,
      what: `row level security applies to ${role}, and did not apply to ${exempt.join(", ")}: ${role} gets ${rows}, without an error`,
      remedy: `create a policy that names it (CREATE POLICY ... ON ${table.name} TO ${quoted(role)} USING (true))`,
    },
  ];
}

function applies(table: Guarded, user: string, roles: Roles, owner: string): boolean {
  if (bypassesRowSecurity(roles, user)) return false;
  return table.forced || !rolesOf(roles, user).has(owner);
}

function passesAll(policies: Policy[], command: Policy["command"]): boolean {
  const relevant = policies.filter((policy) => policy.command === "*" || policy.command === command);
  return (
    relevant.some(({ permissive, always }) => permissive && always) &&
    relevant.every(({ permissive, always }) => permissive || always)
  );
}

/** A view applies the policies of its owner (PostgreSQL documentation, CREATE POLICY). */
function viewsWithFewerRows(facts: OwnershipFacts, tables: Guarded[], views: View[], after: AfterUp): Warning[] {
  const guarded = new Map(tables.map((table) => [table.name, table]));
  const named = byName(views);
  return views
    .filter(
      ({ name, owner, asReader }) =>
        !asReader && after.previousOwnerOf(name, owner) !== facts.owner && after.ownerOf(name, owner) === facts.owner,
    )
    .flatMap((view) =>
      readAsView(view, named).flatMap(({ name }) => {
        const table = guarded.get(name);
        if (!table) return [];
        const previous = after.previousOwnerOf(view.name, view.owner);
        return startsToApply(table, facts.owner, "reader", [previous], after).map(({ what, remedy }) => ({
          object: view.name,
          what: `it reads ${table.name} as its owner; ${what}`,
          remedy: `${remedy}, or keep ${previous} as the owner of the view (keepOwner)`,
        }));
      }),
    );
}

async function readGuarded(db: Queryable): Promise<Guarded[]> {
  const { rows } = await db.query<Guarded>(guardedSql);
  return rows;
}

// The expression is compared as a parse tree: printing it (pg_get_expr) can wait for a lock.
const guardedSql = `
  WITH policy AS (
    SELECT polrelid, json_agg(json_build_object(
             'name', polname, 'permissive', polpermissive, 'command', polcmd,
             'roles', (SELECT array_agg(CASE r WHEN 0 THEN '' ELSE pg_get_userbyid(r) END) FROM unnest(polroles) r),
             'always', (polqual IS NULL OR polqual::text ~ truth) AND (polwithcheck IS NULL OR polwithcheck::text ~ truth)
           ) ORDER BY polname) AS policies
    FROM pg_policy,
         (VALUES ('^\\{CONST :consttype 16 .*:constisnull false .*:constvalue 1 \\[ 1 ')) constant (truth)
    GROUP BY polrelid
  )
  SELECT format('%I.%I', n.nspname, c.relname) AS name, n.nspname AS schema, pg_get_userbyid(c.relowner) AS owner,
         c.relforcerowsecurity AS forced, coalesce(p.policies, '[]') AS policies
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN policy p ON p.polrelid = c.oid
  WHERE c.relrowsecurity AND c.relkind IN ('r', 'p')
  ORDER BY 1`;
