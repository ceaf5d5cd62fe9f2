import { escapeIdentifier } from "pg";
import { z } from "zod";
import { codeOf, type Queryable, type Server } from "../postgres/connection.ts";
import { pause } from "../postgres/pause.ts";
import type { ProviderFunction } from "../rpc/provider.ts";
import { awaitRoleContract } from "./contracts.ts";

const schema = z.strictObject(awaitRoleContract.inputs);

/** Called before the official Role is changed: the official plugin waits for other changes of the role without a message. */
export function awaitRole(server: Server): ProviderFunction {
  return async (args, { signal }) => {
    const { role } = schema.parse(args);
    await server.session(undefined, (db) => awaitRoleWriters(db, role, signal));
    return { result: {} };
  };
}

/** Milliseconds before each further attempt: about ten seconds in total. */
const delays = [250, 500, 1000, 2000, 3000, 3000];

/**
 * Waits while another session has an uncommitted change of the role. The official plugin would wait for it without a message and
 * without a timeout. The session can be one of its own, which outlives an interrupted up while it waits for a lock. Throws after
 * ten seconds, with the sessions. `db` must be connected to the database that the official plugin uses.
 */
export async function awaitRoleWriters(db: Queryable, role: string, signal: AbortSignal): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    // A change of another role takes the same lock on pg_authid, so try to change this role.
    const sessions = await writers(db, role);
    if (sessions.length === 0 || (await isFree(db, role))) return;
    const delay = delays[attempt];
    if (delay === undefined) throw new Error(busy(role, sessions));
    await pause(delay, signal);
  }
}

interface Writer {
  pid: number;
  who: string;
}

async function writers(db: Queryable, role: string): Promise<Writer[]> {
  const { rows } = await db.query<Writer>(
    `SELECT a.pid, format('pid %s, %s as %s, in a transaction for %s', a.pid, coalesce(nullif(a.application_name, ''), 'unnamed'),
                          a.usename, coalesce(date_trunc('second', now() - a.xact_start)::text, 'a time that only pg_read_all_stats sees')) AS who
     FROM pg_stat_activity a
     WHERE a.pid <> pg_backend_pid() AND EXISTS (
       SELECT FROM pg_locks l WHERE l.pid = a.pid AND (
         l.locktype = 'relation' AND l.relation = 'pg_authid'::regclass AND l.mode = 'RowExclusiveLock'
         OR l.locktype = 'advisory' AND l.objsubid = 1 AND l.classid = 0
            AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND l.objid = (SELECT oid FROM pg_roles WHERE rolname = $1)))
     ORDER BY a.xact_start, a.pid`,
    [role],
  );
  return rows;
}

/** Tries to change the role, or to create it if it does not exist, and rolls that back. */
async function isFree(db: Queryable, role: string): Promise<boolean> {
  await db.query("BEGIN");
  try {
    await db.query("SET LOCAL lock_timeout = '200ms'");
    const { rows } = await db.query<{ free: boolean }>(
      // The lock that the official plugin takes before it changes a role.
      "SELECT pg_try_advisory_xact_lock(oid::bigint) AS free FROM pg_roles WHERE rolname = $1",
      [role],
    );
    if (rows[0]?.free === false) return false;
    await db.query(`${rows.length > 0 ? "ALTER" : "CREATE"} ROLE ${escapeIdentifier(role)}`);
    return true;
  } catch (error) {
    const code = codeOf(error) ?? "";
    // The role was created or dropped between the two statements: try again.
    if (["55P03", "42710", "23505", "42704"].includes(code) || String(error).includes("tuple concurrently"))
      return false;
    // The official plugin reports any other error.
    return true;
  } finally {
    await db.query("ROLLBACK");
  }
}

function busy(role: string, sessions: Writer[]): string {
  const pids = sessions.map(({ pid }) => `pg_terminate_backend(${pid})`).join(", ");
  return (
    `another session is changing role ${role} and does not finish: ${sessions.map(({ who }) => who).join("; ")}. The role ` +
    "was not changed. A session named Terraform provider belongs to an interrupted up or to one that runs now. Wait until it " +
    `ends, or end it with SELECT ${pids}; then run up again.`
  );
}
