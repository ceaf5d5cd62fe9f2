import type { Queryable } from "../../provider/postgres/connection.ts";
import { isClient } from "../../provider/postgres/sessions.ts";

/** One session at one look. */
export interface Session {
  /** Unique while the server runs. */
  id: string;
  pid: number;
  /** Empty for a replication connection. */
  database: string;
  user: string;
  application: string;
  /** `local` for a Unix socket; undefined: this role cannot see it. */
  address: string | undefined;
  isReplication: boolean;
  /** Undefined: this role cannot see it. */
  state: "active" | "idle" | "idle in transaction" | undefined;
  /** Seconds for which it has been idle in a transaction. */
  idleInTransaction: number;
}

/** A statement that a session has begun since the previous look. */
export interface SampledStatement {
  session: Session;
  text: string;
  at: Date;
}

/** One look at pg_stat_activity. */
export interface Look {
  sessions: Session[];
  statements: SampledStatement[];
}

interface Row extends Omit<Session, "state" | "address"> {
  address: string | null;
  state: string | null;
  queryStart: string | null;
  query: string | null;
}

/** Looks at the sessions, each statement once. */
export class SessionSampler {
  /** When the previous look was made, by the server's clock. */
  #before = "-infinity";
  /** Session to the start of its last statement that was returned. */
  #last = new Map<string, string>();

  async look(db: Queryable): Promise<Look> {
    const { rows } = await db.query<Row & { now: string }>(sessionsSql, [this.#before]);
    this.#before = rows[0]?.now ?? this.#before;
    const last = new Map<string, string>();
    const look: Look = { sessions: [], statements: [] };
    for (const row of rows) {
      // The row that only tells the time.
      if (row.id === null) continue;
      const session = sessionOf(row);
      look.sessions.push(session);
      const start = row.queryStart ?? this.#last.get(row.id);
      if (start !== undefined) last.set(row.id, start);
      if (row.query && row.queryStart && row.queryStart !== this.#last.get(row.id)) {
        look.statements.push({ session, text: row.query, at: new Date(row.queryStart) });
      }
    }
    this.#last = last;
    return look;
  }
}

function sessionOf({ queryStart: _, query: __, ...row }: Row): Session {
  const state = row.state?.startsWith("idle in transaction") ? "idle in transaction" : row.state;
  return {
    ...row,
    address: row.address ?? undefined,
    state:
      state === null || state === "disabled"
        ? undefined
        : state === "idle" || state === "idle in transaction"
          ? state
          : "active",
  };
}

// The texts of statements that have not changed are not sent again.
const sessionsSql = `
  SELECT s.*, now()::text AS now FROM (SELECT) one LEFT JOIN LATERAL (
    SELECT format('%s %s', a.pid, a.backend_start) AS id, a.pid, coalesce(a.datname, '') AS database, coalesce(a.usename, '') AS user,
           coalesce(a.application_name, '') AS application,
           CASE WHEN a.backend_start IS NOT NULL THEN coalesce(host(a.client_addr), 'local') END AS address,
           a.backend_type IS NOT DISTINCT FROM 'walsender' AS "isReplication", a.state,
           CASE WHEN a.state LIKE 'idle in transaction%' THEN extract(epoch FROM clock_timestamp() - a.state_change)::float8 ELSE 0 END
             AS "idleInTransaction",
           CASE WHEN a.query_start > $1::timestamptz THEN to_char(a.query_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') END
             AS "queryStart",
           CASE WHEN a.query_start > $1::timestamptz AND a.backend_type = 'client backend' THEN nullif(a.query, '') END AS query
    FROM pg_stat_activity a
    WHERE a.pid <> pg_backend_pid() AND (${isClient} OR a.backend_type = 'walsender')
  ) s ON true`;
