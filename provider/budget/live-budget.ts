import { type BudgetEntry, totalOf } from "../../model/budget.ts";
import type { Queryable } from "../postgres/connection.ts";
import { isClient } from "../postgres/sessions.ts";

/** A login role of the server. */
export interface LoginRole {
  role: string;
  /** Its live CONNECTION LIMIT; -1: unlimited. */
  limit: number;
  superuser: boolean;
  /** Number of its current sessions. */
  sessions: number;
}

/** The server's slots (PostgreSQL documentation, "Connections and Authentication"). */
export interface Slots {
  max: number;
  /** superuser_reserved_connections. */
  superuserReserved: number;
  /** reserved_connections, for pg_use_reserved_connections; 0 before PostgreSQL 16. */
  reserved: number;
  used: number;
}

export interface LiveBudget {
  slots: Slots;
  roles: LoginRole[];
}

export async function readLiveBudget(db: Queryable): Promise<LiveBudget> {
  const slots = await db.query<Slots>(
    `SELECT current_setting('max_connections')::int AS max,
            current_setting('superuser_reserved_connections')::int AS "superuserReserved",
            coalesce(current_setting('reserved_connections', true), '0')::int AS reserved,
            (SELECT count(*)::int FROM pg_stat_activity a WHERE ${isClient}) AS used`,
  );
  const roles = await db.query<LoginRole>(
    `SELECT r.rolname AS role, r.rolconnlimit AS limit, r.rolsuper AS superuser, count(a.pid)::int AS sessions
     FROM pg_roles r
     LEFT JOIN pg_stat_activity a ON a.usesysid = r.oid AND ${isClient}
     WHERE r.rolcanlogin
     GROUP BY 1, 2, 3 ORDER BY 1`,
  );
  return { slots: slots.rows[0] as Slots, roles: roles.rows };
}

/** Slots that non-superusers can use. */
export function usableSlots(slots: Slots): number {
  return slots.max - slots.superuserReserved - slots.reserved;
}

/** Live login roles that are not declared: role to its limit in words. */
export function undeclared(declared: string[], roles: LoginRole[]): Record<string, string> {
  return Object.fromEntries(
    roles.filter(({ role }) => !declared.includes(role)).map((role) => [role.role, limitOf(role)]),
  );
}

/** Live login roles that are superusers, to which no limit applies. */
export function superusers(roles: LoginRole[]): string[] {
  return roles.filter(({ superuser }) => superuser).map(({ role }) => role);
}

/**
 * Existing roles without a live limit, or with a higher one than declared: role to both in words. The stack sets the limits of
 * `enforced` roles, which then apply to all but superusers.
 */
export function unlimited(entries: BudgetEntry[], roles: LoginRole[], enforced: string[]): Record<string, string> {
  const live = new Map(roles.map((role) => [role.role, role]));
  return Object.fromEntries(
    entries.flatMap((entry) => {
      const role = live.get(entry.role);
      if (entry.source !== "existing" || !role) return [];
      const isLimited = enforced.includes(entry.role) || (role.limit !== -1 && role.limit <= entry.limit);
      const isUnlimited = role.superuser || !isLimited;
      return isUnlimited ? [[entry.role, `declared ${entry.limit}, live ${limitOf(role)}`]] : [];
    }),
  );
}

/** Existing roles in the budget that are not login roles of the server. */
export function missing(entries: BudgetEntry[], roles: LoginRole[]): string[] {
  const live = new Set(roles.map((role) => role.role));
  return entries.filter((entry) => entry.source === "existing" && !live.has(entry.role)).map((entry) => entry.role);
}

function limitOf(role: LoginRole): string {
  const limit = role.limit === -1 ? "unlimited" : `limit ${role.limit}`;
  return role.superuser ? `${limit}, superuser` : limit;
}

/** Role, declared limit, live limit and sessions; then the total and the server's slots. */
export function table(entries: Pick<BudgetEntry, "role" | "limit">[], live: LiveBudget): string {
  const byRole = new Map(live.roles.map((role) => [role.role, role]));
  const names = [...new Set([...entries.map((entry) => entry.role), ...live.roles.map((role) => role.role)])];
  const declared = new Map(entries.map((entry) => [entry.role, String(entry.limit)]));
  const rows = names.map((name) => {
    const role = byRole.get(name);
    return [name, declared.get(name) ?? "-", role ? limitOf(role) : "no such role yet", String(role?.sessions ?? 0)];
  });
  const { slots } = live;
  const total = ["total", String(totalOf(entries)), `${usableSlots(slots)} slots`, `${slots.used} of ${slots.max}`];
  return columns([["role", "declared", "live", "sessions"], ...rows, total]);
}

function columns(rows: string[][]): string {
  const widths = (rows[0] as string[]).map((_, index) => Math.max(...rows.map((row) => (row[index] as string).length)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] as number))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
