import { escapeIdentifier } from "pg";
import { mayReadLines } from "../../../provider/warnings/client-authentication.ts";
import type { Context } from "../context.ts";
import type { Findings } from "../finding.ts";

interface Line {
  file: string;
  line: number;
  type: string;
  databases: string[];
  users: string[];
  /** Null: a Unix socket. */
  address: string | null;
}

/** Lines of pg_hba.conf that let roles in without a password. */
export async function checkAuthentication({ server }: Context, findings: Findings): Promise<void> {
  const lines = await server.anySession(async (db) => {
    if (!(await mayReadLines(db))) return undefined;
    const { rows } = await db.query<Line>(
      // Since PostgreSQL 16 the lines can be in several files.
      `SELECT coalesce(to_jsonb(r) ->> 'file_name', current_setting('hba_file')) AS file, line_number AS line, type,
              database AS databases, user_name AS users, address
       FROM pg_hba_file_rules r WHERE error IS NULL AND auth_method = 'trust' ORDER BY 1, 2`,
    );
    return rows;
  });
  if (!lines) {
    const { user } = server.address;
    const name = escapeIdentifier(user);
    const fix = `GRANT SELECT ON pg_hba_file_rules TO ${name} and GRANT EXECUTE ON FUNCTION pg_hba_file_rules() TO ${name}, in ${escapeIdentifier(server.address.database)}`;
    findings.cannot("trust-line", `${user} cannot read pg_hba.conf`, fix);
    return;
  }
  for (const { file, line, type, databases, users, address } of lines) {
    const from = type === "local" ? "over the Unix socket" : `from ${address ?? "any address"}`;
    const isLocal = type === "local" || /^(127\.|::1$|localhost$)/.test(address ?? "");
    findings.add({
      check: "trust-line",
      object: `${file}:${line}`,
      severity: isLocal ? "medium" : "high",
      what: `pg_hba.conf line ${line} (trust) lets ${users.join(", ")} in to ${databases.join(", ")} ${from} without a password`,
      fix: `in ${file}, line ${line}: replace trust with scram-sha-256${type === "local" ? " or peer" : ""}; then SELECT pg_reload_conf()`,
      cis: type === "local" ? "5.3" : "5.4",
    });
  }
}
