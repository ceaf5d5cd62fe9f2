import type { Access } from "../../model/stack.ts";
import type { Queryable } from "../postgres/connection.ts";
import { type AfterUp, readAfterUp } from "./after-up.ts";
import type { OwnershipFacts } from "./ownership-facts.ts";
import { quoted } from "./quoted.ts";
import type { RoleFacts } from "./role-facts.ts";
import { bypassesRowSecurity, type Roles, rightsOf } from "./roles.ts";
import { byName, readViews, readWithItsRights, type View } from "./views.ts";
import type { Warning, WarningKind } from "./warning.ts";

/** A table whose row level security is on. */
interface Guarded {
  name: string;
  schema: string;
  owner: string;
  /** FORCE: the policies hold for the owner too. */
  forced: boolean;
  policies: Policy[];
}

interface Policy {
  name: string;
  permissive: boolean;
  /** pg_policy.polcmd: r SELECT, a INSERT, w UPDATE, d DELETE, * all. */
  command: "r" | "a" | "w" | "d" | "*";
  /** Empty name: PUBLIC. */
  roles: string[];
  /** It lets every row pass: USING (true), WITH CHECK (true). */
  always: boolean;
}

/** pg_policy.polcmd of what an access level does. */
const commandsOf: Record<Access, Policy["command"][]> = {
  owner: ["r", "a", "w", "d"],
  writer: ["r", "a", "w", "d"],
  reader: ["r"],
};

/** Tables whose policies start to hold for a service when it logs in as its role: it silently sees fewer rows. */
export const rowSecurityOfReaders: WarningKind<RoleFacts> = {
  name: "row level security that starts to apply",
  async find(db, facts, reads) {
    const tables = await reads.once(db, readGuarded);
    const after = await readAfterUp(db, facts, reads);
    const { access } = facts;
    // The owner's tables are its own by then: rowSecurityOfOwner looks at those.
    if (access === undefined || access === "owner") return [];
    return tables
      .filter(({ schema }) => facts.schemas.includes(schema))
      .flatMap((table) => startsToHold(table, facts.role, access, facts.legacyUsers, after));
  },
};

/**
 * Tables whose policies hold for their new owner too (FORCE) or start to hold for the former one, and moved views that read
 * such a table as their new owner.
 */
export const rowSecurityOfOwner: WarningKind<OwnershipFacts> = {
  name: "row level security that starts to apply to the owner",
  async find(db, facts, reads) {
    const tables = await reads.once(db, readGuarded);
    if (tables.length === 0) return [];
    const after = await readAfterUp(db, facts, reads);
    const own = tables
      .filter((table) => table.forced && after.ownerOf(table.name, table.owner) === facts.owner)
      .flatMap((table) => startsToHold(table, facts.owner, "owner", facts.legacyUsers, after));
    const formers = tables.flatMap((table) => {
      const former = after.formerOwnerOf(table.name, table.owner);
      if (after.ownerOf(table.name, table.owner) === former || bypassesRowSecurity(after.roles, former)) return [];
      return startsToHold(table, former, "owner", [former], after);
    });
    return [...own, ...formers, ...viewsThatShowLess(facts, tables, await reads.once(db, readViews), after)];
  },
};

/** Nothing while nobody who is not bound today would be bound, or a policy speaks of the role: then somebody has thought of it. */
function startsToHold(table: Guarded, role: string, access: Access, from: string[], after: AfterUp): Warning[] {
  const { roles } = after;
  const former = after.formerOwnerOf(table.name, table.owner);
  const unbound = from.filter((user) => !isBound(table, user, roles, former));
  if (unbound.length === 0 || !isBound(table, role, roles, after.ownerOf(table.name, table.owner))) return [];
  const rights = rightsOf(roles, role);
  const mine = table.policies.filter((policy) => policy.roles.some((name) => name === "" || rights.has(name)));
  if (mine.some((policy) => policy.roles.includes(role))) return [];
  const restricted = commandsOf[access].filter((command) => !passesAll(mine, command));
  if (restricted.length === 0) return [];
  const names = mine.map(({ name }) => name).join(", ");
  const rows = mine.some(({ permissive }) => permissive)
    ? `only the rows that ${names} lets through`
    : "no rows at all";
  return [
    {
      object: table.name,
      what: `row level security holds for ${role}, and did not for ${unbound.join(", ")}: without an error ${role} gets ${rows}`,
      remedy: `give it a policy that names it (CREATE POLICY ... ON ${table.name} TO ${quoted(role)} USING (true))`,
    },
  ];
}

function isBound(table: Guarded, user: string, roles: Roles, owner: string): boolean {
  if (bypassesRowSecurity(roles, user)) return false;
  return table.forced || !rightsOf(roles, user).has(owner);
}

function passesAll(policies: Policy[], command: Policy["command"]): boolean {
  const asked = policies.filter((policy) => policy.command === "*" || policy.command === command);
  return (
    asked.some(({ permissive, always }) => permissive && always) &&
    asked.every(({ permissive, always }) => permissive || always)
  );
}

/** A view applies the policies that hold for its owner (PostgreSQL documentation, CREATE POLICY). */
function viewsThatShowLess(facts: OwnershipFacts, tables: Guarded[], views: View[], after: AfterUp): Warning[] {
  const guarded = new Map(tables.map((table) => [table.name, table]));
  const named = byName(views);
  return views
    .filter(
      ({ name, owner, asReader }) =>
        !asReader && after.formerOwnerOf(name, owner) !== facts.owner && after.ownerOf(name, owner) === facts.owner,
    )
    .flatMap((view) =>
      readWithItsRights(view, named).flatMap(({ name }) => {
        const table = guarded.get(name);
        if (!table) return [];
        const former = after.formerOwnerOf(view.name, view.owner);
        return startsToHold(table, facts.owner, "reader", [former], after).map(({ what, remedy }) => ({
          object: view.name,
          what: `it reads ${table.name} as its owner; ${what}`,
          remedy: `${remedy}, or keep the view with ${former} (keepOwner)`,
        }));
      }),
    );
}

async function readGuarded(db: Queryable): Promise<Guarded[]> {
  const { rows } = await db.query<Guarded>(guardedSql);
  return rows;
}

// The expression is compared as the parse tree it is kept as: printing it (pg_get_expr) may wait for a lock.
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
