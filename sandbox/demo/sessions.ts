import { definitions, type ServiceName } from "../legacy/services/definitions.ts";
import type { Demo } from "./demo.ts";

/** The runbook's watch query: sessions by login, the most first. */
export async function sessionsByLogin(demo: Demo): Promise<[login: string, sessions: number][]> {
  const rows = await demo.ask<{ usename: string; count: number }>(
    `SELECT usename, count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend' GROUP BY 1 ORDER BY 2 DESC, 1`,
  );
  return rows.map(({ usename, count }) => [usename, count]);
}

/** The logins of a service's sessions, one entry a session. */
export async function loginsOf(demo: Demo, service: ServiceName): Promise<string[]> {
  const rows = await demo.ask<{ usename: string }>(
    "SELECT usename FROM pg_stat_activity WHERE application_name = $1 AND backend_type = 'client backend'",
    [service],
  );
  return rows.map(({ usename }) => usename);
}

/** The process ids of every service's sessions. */
export async function servicesPids(demo: Demo): Promise<number[]> {
  const rows = await demo.ask<{ pid: number }>(
    "SELECT pid FROM pg_stat_activity WHERE application_name = ANY($1) AND backend_type = 'client backend' ORDER BY pid",
    [Object.keys(definitions)],
  );
  return rows.map(({ pid }) => pid);
}

/** The process ids of the sessions that are neither a service's nor the demo's own: the stack's. */
export async function stackPids(demo: Demo): Promise<number[]> {
  const rows = await demo.ask<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity
     WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND application_name <> ALL($1)`,
    [Object.keys(definitions)],
  );
  return rows.map(({ pid }) => pid);
}
