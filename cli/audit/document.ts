import { totalOf } from "../../model/budget.ts";
import { budgetEntries } from "../../model/stack.ts";
import type { LoginRole } from "../../provider/budget/live-budget.ts";
import { benchmark, recommendations } from "./cis.ts";
import type { Audit } from "./examination.ts";
import { type Finding, idOf, type Unchecked } from "./finding.ts";

/** Result of an audit in one word, with its exit code. */
export const outcomes = { ok: 0, findings: 1, unchecked: 2, error: 2 } as const;
export type Outcome = keyof typeof outcomes;

/** The document that `--json` prints. A change that readers would notice increases `schemaVersion`. */
export interface AuditDocument {
  schemaVersion: 1;
  outcome: Outcome;
  /** RFC 3339. */
  at: string;
  /** Null: nothing is declared. */
  stack: string | null;
  server: {
    host: string;
    port: number;
    database: string;
    version: string;
    isStandby: boolean;
    maxConnections: number;
    superuserReservedConnections: number;
    reservedConnections: number;
  };
  sessions: {
    now: number;
    peak: number;
    /** RFC 3339: when the watch began and ended. */
    from: string;
    to: string;
    /** Looks at the sessions, and looks that failed. */
    looks: number;
    missed: number;
  };
  /** Null: nothing is declared. */
  budget: { ceiling: number; declared: number } | null;
  roles: RoleDocument[];
  benchmark: string;
  findings: FindingDocument[];
  unchecked: Unchecked[];
  ignored: string[];
  notes: string[];
}

/** A login role of the server, or a declared one that is missing. */
export interface RoleDocument {
  role: string;
  source: "declared" | "existing" | "undeclared";
  superuser: boolean;
  declaredLimit: number | null;
  /** Null: unlimited, or the role is missing. */
  limit: number | null;
  sessions: number;
  peak: number;
}

type FindingDocument = Omit<Finding, "cis" | "details"> & {
  id: string;
  details: string[];
  cis: { number: string; title: string } | null;
};

/** Findings take precedence over checks that could not be made. */
export function outcomeOf({ findings: { found, unchecked } }: Pick<Audit, "findings">): Outcome {
  if (found.length > 0) return "findings";
  return unchecked.length > 0 ? "unchecked" : "ok";
}

export function auditDocument(audit: Audit): AuditDocument {
  const { subject, observations, findings } = audit;
  const { host, port, database } = subject.address;
  const { slots } = observations.latest;
  const stack = subject.declared?.stack;
  return {
    schemaVersion: 1,
    outcome: outcomeOf(audit),
    at: audit.at.toISOString(),
    stack: subject.declared?.name ?? null,
    server: {
      host,
      port,
      database,
      version: audit.version,
      isStandby: audit.isStandby,
      maxConnections: slots.max,
      superuserReservedConnections: slots.superuserReserved,
      reservedConnections: slots.reserved,
    },
    sessions: {
      now: slots.used,
      peak: observations.peak,
      from: (observations.all[0]?.at ?? audit.at).toISOString(),
      to: observations.latest.at.toISOString(),
      looks: observations.all.length,
      missed: observations.missed,
    },
    budget: stack ? { ceiling: stack.ceiling, declared: totalOf(budgetEntries(stack)) } : null,
    roles: rolesOf(audit),
    benchmark,
    findings: findings.sorted.map(({ cis, details = [], ...finding }) => ({
      id: idOf(finding),
      ...finding,
      details,
      cis: cis === undefined ? null : { number: cis, title: recommendations[cis] },
    })),
    unchecked: findings.unchecked,
    ignored: findings.ignored,
    notes: findings.notes,
  };
}

/** Declared roles in declared order, then the others by name. */
export function rolesOf({ subject, observations }: Pick<Audit, "subject" | "observations">): RoleDocument[] {
  const entries = subject.declared ? budgetEntries(subject.declared.stack) : [];
  const live = new Map(observations.latest.roles.map((role) => [role.role, role]));
  const names = [...new Set([...entries.map(({ role }) => role), ...live.keys()])];
  return names.map((role) => {
    const entry = entries.find((one) => one.role === role);
    const found = live.get(role);
    return {
      role,
      source: entry?.source ?? "undeclared",
      superuser: found?.superuser ?? false,
      declaredLimit: entry?.limit ?? null,
      limit: limitOf(found),
      sessions: found?.sessions ?? 0,
      peak: observations.peakOf(role),
    };
  });
}

function limitOf(role: LoginRole | undefined): number | null {
  return role === undefined || role.limit < 0 ? null : role.limit;
}
