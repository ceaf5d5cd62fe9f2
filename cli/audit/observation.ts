import { type LiveBudget, readLiveBudget } from "../../provider/budget/live-budget.ts";
import type { Queryable } from "../../provider/postgres/connection.ts";
import { isClient } from "../../provider/postgres/sessions.ts";

/** One look at the server's sessions. */
export interface Observation extends LiveBudget {
  at: Date;
  superuserSessions: SuperuserSessions[];
}

/** Sessions of one superuser from one application at one address, without the audit's own. */
export interface SuperuserSessions {
  role: string;
  /** `unnamed` without an application_name. */
  application: string;
  /** `local` for a Unix socket; null: only pg_read_all_stats sees it. */
  address: string | null;
  database: string;
  sessions: number;
}

/** What stands for an empty application_name. */
export const unnamed = "unnamed";

export async function observe(db: Queryable): Promise<Observation> {
  const live = await readLiveBudget(db);
  const { rows } = await db.query<SuperuserSessions>(
    `SELECT r.rolname AS role, coalesce(nullif(a.application_name, ''), '${unnamed}') AS application,
            CASE WHEN a.backend_start IS NOT NULL THEN coalesce(host(a.client_addr), 'local') END AS address,
            coalesce(a.datname, '') AS database, count(*)::int AS sessions
     FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid
     WHERE r.rolsuper AND a.pid <> pg_backend_pid() AND ${isClient}
     GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4`,
  );
  return { ...live, at: new Date(), superuserSessions: rows };
}

/** All looks of one audit. */
export class Observations {
  readonly all: Observation[] = [];
  /** Looks that failed, because the server did not answer. */
  missed = 0;

  add(observation: Observation): void {
    this.all.push(observation);
  }

  /** Throws before the first look. */
  get latest(): Observation {
    const last = this.all.at(-1);
    if (!last) throw new Error("the server has not been observed yet");
    return last;
  }

  /** The most sessions of the role at one look. */
  peakOf(role: string): number {
    return Math.max(0, ...this.sessionsOf(role));
  }

  /** A limit with a quarter more than the role's peak, from 5: a number to start with for a role that has none. */
  limitFor(role: string): number {
    return Math.max(5, Math.ceil(this.peakOf(role) * 1.25));
  }

  /** The role's sessions at each look; 0 while it does not exist. */
  sessionsOf(role: string): number[] {
    return this.all.map(({ roles }) => roles.find((one) => one.role === role)?.sessions ?? 0);
  }

  /** The most used slots at one look. */
  get peak(): number {
    return Math.max(0, ...this.all.map(({ slots }) => slots.used));
  }

  /** Every application of a superuser that was seen, with its most sessions at one look. */
  get superuserSessions(): SuperuserSessions[] {
    const most = new Map<string, SuperuserSessions>();
    for (const seen of this.all.flatMap(({ superuserSessions }) => superuserSessions)) {
      const key = JSON.stringify([seen.role, seen.application, seen.address, seen.database]);
      if ((most.get(key)?.sessions ?? 0) < seen.sessions) most.set(key, seen);
    }
    return [...most.values()];
  }

  /** What the peaks were computed from. */
  get basis(): string {
    const [first] = this.all;
    if (this.all.length < 2 || !first) return "one look; --watch finds peaks";
    const seconds = Math.round((this.latest.at.getTime() - first.at.getTime()) / 1000);
    const time = seconds < 120 ? `${seconds}s` : `${Math.round(seconds / 60)}min`;
    const missed = this.missed > 0 ? `, ${this.missed} failed` : "";
    return `${this.all.length} looks in ${time}${missed}`;
  }
}
