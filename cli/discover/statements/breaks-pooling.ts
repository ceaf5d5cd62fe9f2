import type { Habits } from "../evidence.ts";

/** Settings that drivers make and that PgBouncer carries from one client to the next. */
const carriedOver = new Set([
  "application_name",
  "client_encoding",
  "datestyle",
  "intervalstyle",
  "standard_conforming_strings",
  "timezone",
]);

/** Session state that a pooler in transaction mode breaks, in words: "LISTEN tickets", "session-level advisory locks". */
export function breaksPooling(habits: Habits): string[] {
  const { listens, sessionAdvisoryLocks, temporaryTables, settings, becomes, hasSessionState } = habits;
  const lasting = settings.filter(({ name, isLocal }) => !isLocal && !carriedOver.has(name.toLowerCase()));
  return [
    ...listens.map((channel) => `LISTEN ${channel}`),
    ...(sessionAdvisoryLocks > 0 ? ["session-level advisory locks"] : []),
    ...temporaryTables.map((name) => `temporary table ${name}`),
    ...new Set(lasting.map(({ name }) => `SET ${name}`)),
    ...becomes.map((role) => `SET ROLE ${role}`),
    ...(hasSessionState ? ["prepared statements in SQL, or cursors WITH HOLD"] : []),
  ];
}
