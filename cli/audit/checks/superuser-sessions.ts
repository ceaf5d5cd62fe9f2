import { escapeLiteral } from "pg";
import { readableShellWord } from "../../../model/shell-word.ts";
import type { Context } from "../context.ts";
import { count, type Findings } from "../finding.ts";
import { type SuperuserSessions, unnamed } from "../observation.ts";
import { sqlName } from "../sql-name.ts";

/** application_name of tools that a person runs, or that maintain the server; any client can claim one of these names. */
const tools =
  /^(psql|pgadmin|pgcli|pg_dump|pg_dumpall|pg_restore|pg_basebackup|pg_receivewal|pg_amcheck|pg_upgrade|vacuumdb|reindexdb|clusterdb|dbeaver|datagrip|intellij|tableplus|heidisql|postico|navicat|beekeeper|azdata|app-roles|pulumi-provider|terraform)/i;

/** Extensions that connect to their own server. */
const own = /^pg_cron/;

/** Whether the sessions are a person's or the server's own, as far as their name tells. */
export function isPerson({ application, address }: Pick<SuperuserSessions, "application" | "address">): boolean {
  if (tools.test(application)) return true;
  return own.test(application) && (address === "local" || address === "127.0.0.1" || address === "::1");
}

/** Sessions of superusers that look like a service's: of no interactive tool, and not the server's own. */
export async function checkSuperuserSessions(
  { observations, subject, server }: Context,
  findings: Findings,
): Promise<void> {
  const onLegacy = (subject.declared?.stack.services ?? []).filter(({ connectAs }) => connectAs === "legacy");
  const stackOption = `--stack ${readableShellWord(subject.declared?.name ?? "")}`;
  const seen = observations.superuserSessions.filter((session) => !isPerson(session));
  for (const { role, application, address, database, sessions } of seen) {
    const legacy = onLegacy.filter((service) => service.database === database).map(({ name }) => name);
    const [candidate] = legacy.filter((name) => name === application).concat(legacy);
    const where = address === null ? "" : address === "local" ? " over a Unix socket" : ` at ${address}`;
    findings.add({
      check: "superuser-session",
      object: `${role}/${application}@${address ?? "unknown"}/${database}`,
      severity: "high",
      what: `${application}${where} uses the superuser ${role}: ${count(sessions, "session")} in ${database}`,
      fix: candidate
        ? `npx app-roles cutover ${readableShellWord(candidate)} ${stackOption}${legacy.length > 1 ? ` (on legacy in ${database}: ${legacy.join(", ")})` : ""}`
        : `give it a role of its own (npx app-roles discover proposes one), or end it: ${terminating(role, application, database)}`,
      cis: "4.3",
    });
  }
  // Without pg_read_all_stats only application names are visible, and workers of the server count as sessions.
  if (observations.superuserSessions.some(({ address }) => address === null)) {
    const { user } = server.address;
    findings.note(
      `${user} does not see the addresses of other roles' sessions: GRANT pg_read_all_stats TO ${sqlName(user)}`,
    );
  }
}

function terminating(role: string, application: string, database: string): string {
  const name = application === unnamed ? "" : application;
  const conditions = { usename: role, application_name: name, datname: database };
  const where = Object.entries(conditions).map(([column, value]) => `${column} = ${escapeLiteral(value)}`);
  return `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${where.join(" AND ")}`;
}
