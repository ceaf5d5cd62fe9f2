import { mayReadLines } from "../../../provider/warnings/client-authentication.ts";
import type { Context } from "../context.ts";
import type { Findings } from "../finding.ts";
import { sqlName } from "../sql-name.ts";

interface Line {
  file: string;
  line: number;
  type: string;
  databases: string[];
  users: string[];
  /** Null: a Unix socket. */
  address: string | null;
  netmask: string | null;
}

/** Lines of pg_hba.conf that let roles in without a password. */
export async function checkAuthentication({ server }: Context, findings: Findings): Promise<void> {
  const lines = await server.anySession(async (db) => {
    if (!(await mayReadLines(db))) return undefined;
    const { rows } = await db.query<Line>(
      // Since PostgreSQL 16 the lines can be in several files.
      `SELECT coalesce(to_jsonb(r) ->> 'file_name', current_setting('hba_file')) AS file, line_number AS line, type,
              database AS databases, user_name AS users, address, netmask
       FROM pg_hba_file_rules r WHERE error IS NULL AND auth_method = 'trust' ORDER BY 1, 2`,
    );
    return rows;
  });
  if (!lines) {
    const { user } = server.address;
    const name = sqlName(user);
    const fix = `GRANT SELECT ON pg_hba_file_rules TO ${name} and GRANT EXECUTE ON FUNCTION pg_hba_file_rules() TO ${name}, in ${sqlName(server.address.database)}`;
    findings.cannot("trust-line", `${user} cannot read pg_hba.conf`, fix);
    return;
  }
  for (const { file, line, type, databases, users, address, netmask } of lines) {
    const from = type === "local" ? "over the Unix socket" : `from ${addressInWords(address, netmask)}`;
    const isLocal = type === "local" || /^(127\.|::1$|localhost$|samehost$)/.test(address ?? "");
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

/** `10.0.0.0/8`, as in the file. */
function addressInWords(address: string | null, netmask: string | null): string {
  if (address === null || netmask === null) return address ?? "any address";
  const isV6 = netmask.includes(":");
  const numbers = netmask.split(isV6 ? ":" : ".").map((part) => Number.parseInt(part || "0", isV6 ? 16 : 10));
  const bits = numbers.map((number) => number.toString(2).replaceAll("0", "").length).reduce((sum, each) => sum + each);
  return bits === (isV6 ? 128 : 32) ? address : `${address}/${bits}`;
}
