import { BlockList, isIP, isIPv6 } from "node:net";
import type { Queryable } from "../postgres/connection.ts";
import { quoted } from "../postgres/names.ts";
import type { RoleFacts } from "./facts.ts";
import { groupsOf, type Roles, readRoles } from "./roles.ts";
import type { Warning, WarningKind } from "./warning.ts";

/**
 * Lines of pg_hba.conf that admit a legacy user from a network address from which no line admits the role. A service's address
 * is not known, so every address range that is open to a legacy user is checked; without legacy users, whether the role can
 * log in over the network at all. Unix sockets are not checked. An admin without access to the file gets no warning here, but
 * one from `limitedAdmin`.
 */
export const clientAuthentication: WarningKind<RoleFacts> = {
  name: "pg_hba.conf lines that reject the role",
  async find(db, facts, reads) {
    const file = await reads.once(db, readFile);
    if (!file) return [];
    const roles = await reads.once(db, readRoles);
    return facts.logins.flatMap((login) => refusals(login, facts, file, roles));
  },
};

/** A line of pg_hba.conf (PostgreSQL documentation, "The pg_hba.conf File"). */
export interface AuthenticationLine {
  line: number;
  /** host, hostssl, hostnossl, hostgssenc, hostnogssenc; never local. */
  type: string;
  databases: string[];
  users: string[];
  /** An address, a host name, all, samehost or samenet. */
  address: string;
  /** Null when the address is not numeric. */
  netmask: string | null;
  method: string;
}

interface AuthenticationFile {
  lines: AuthenticationLine[];
  /** Whether the server supports TLS; without it hostssl lines never match. */
  tls: boolean;
  /** Whether /regular expressions work (PostgreSQL 16 and later). */
  expressions: boolean;
}

/** Methods that accept a password for which the server has a SCRAM verifier. */
const passable = ["trust", "scram-sha-256", "md5", "password"];

/** Whether the session's user can read pg_hba.conf through the catalog. */
export async function mayReadLines(db: Queryable): Promise<boolean> {
  const { rows } = await db.query<{ may: boolean }>(
    `SELECT has_table_privilege('pg_catalog.pg_hba_file_rules', 'SELECT')
            AND has_function_privilege('pg_catalog.pg_hba_file_rules()', 'EXECUTE') AS may`,
  );
  return rows[0]?.may ?? false;
}

async function readFile(db: Queryable): Promise<AuthenticationFile | undefined> {
  if (!(await mayReadLines(db))) return undefined;
  // Since PostgreSQL 16 the lines can be in several files; rule_number is the order in which they are tried.
  const { rows: lines } = await db.query<AuthenticationLine>(
    `SELECT line_number AS line, type, database AS databases, user_name AS users, address, netmask, auth_method AS method
     FROM pg_hba_file_rules r
     WHERE error IS NULL AND type <> 'local'
     ORDER BY coalesce((to_jsonb(r) ->> 'rule_number')::int, line_number)`,
  );
  const { rows: server } = await db.query<Omit<AuthenticationFile, "lines">>(
    "SELECT current_setting('ssl') = 'on' AS tls, current_setting('server_version_num')::int >= 160000 AS expressions",
  );
  return { lines, tls: server[0]?.tls ?? false, expressions: server[0]?.expressions ?? false };
}

/** An address range that sessions come from, with or without TLS. */
interface Origin {
  address: string;
  prefix: number | undefined;
  tls: boolean;
}

function refusals(
  role: string,
  { database, legacyUsers }: RoleFacts,
  file: AuthenticationFile,
  roles: Roles,
): Warning[] {
  const matching = (user: string) => file.lines.filter((line) => isFor(line, user, database, file, roles));
  const roleLines = matching(role);
  const inForce = file.tls ? [false, true] : [false];
  const remedy = `a line such as \`host ${quoted(database)} ${quoted(role)} ADDRESS scram-sha-256\` in pg_hba.conf before those that match now, then SELECT pg_reload_conf()`;
  const object = `login of ${role} to ${database}`;
  if (legacyUsers.length === 0) {
    const opens = roleLines.some((line) => passable.includes(line.method) && inForce.some((tls) => isOver(line, tls)));
    return opens ? [] : [{ object, what: "no line of pg_hba.conf lets the role in over the network", remedy }];
  }
  const found = new Map<string, Warning>();
  for (const user of legacyUsers) {
    const lines = matching(user);
    for (const opening of lines) {
      for (const origin of inForce.flatMap((tls) => originsOf(opening, tls))) {
        // The user gets in by this line only if no earlier one matches.
        if (lines.find((line) => covers(line, origin)) !== opening || opening.method === "reject") continue;
        const first = roleLines.find((line) => covers(line, origin));
        if (first && passable.includes(first.method)) continue;
        const where = origin.prefix === undefined ? origin.address : `${origin.address}/${origin.prefix}`;
        const what = `pg_hba.conf line ${opening.line} lets ${user} in from ${where}, but ${
          first ? `line ${first.line} (${first.method}) does not let ${role} in` : `no line lets ${role} in from there`
        }`;
        found.set(what, { object, what, remedy });
      }
    }
  }
  return [...found.values()];
}

function isFor(
  line: AuthenticationLine,
  user: string,
  database: string,
  file: AuthenticationFile,
  roles: Roles,
): boolean {
  const groups = groupsOf(roles, user);
  const isUser = line.users.some(
    (word) =>
      word === "all" ||
      word === user ||
      (word.startsWith("+") && groups.has(word.slice(1))) ||
      isMatch(word, user, file),
  );
  const isDatabase = line.databases.some(
    (word) =>
      word === "all" ||
      word === database ||
      (word === "sameuser" && user === database) ||
      (["samerole", "samegroup"].includes(word) && groups.has(database)) ||
      isMatch(word, database, file),
  );
  return isUser && isDatabase;
}

function isMatch(word: string, name: string, { expressions }: AuthenticationFile): boolean {
  return expressions && word.startsWith("/") && new RegExp(word.slice(1)).test(name);
}

function isOver({ type }: AuthenticationLine, tls: boolean): boolean {
  if (type === "hostssl") return tls;
  if (type === "hostnossl") return !tls;
  return type !== "hostgssenc";
}

/** The address ranges of a line; `all` is both address families. */
function originsOf(line: AuthenticationLine, tls: boolean): Origin[] {
  if (!isOver(line, tls)) return [];
  if (line.address === "all") {
    return [
      { address: "0.0.0.0", prefix: 0, tls },
      { address: "::", prefix: 0, tls },
    ];
  }
  return [{ address: line.address, prefix: line.netmask === null ? undefined : prefixOf(line.netmask), tls }];
}

/** Whether every session from the origin matches the line's type and address. */
function covers(line: AuthenticationLine, origin: Origin): boolean {
  if (!isOver(line, origin.tls)) return false;
  if (line.address === "all") return true;
  if (origin.prefix === undefined || line.netmask === null) return line.address === origin.address;
  const prefix = prefixOf(line.netmask);
  if (isIP(line.address) !== isIP(origin.address) || prefix > origin.prefix) return false;
  const family = isIPv6(origin.address) ? "ipv6" : "ipv4";
  const range = new BlockList();
  range.addSubnet(line.address, prefix, family);
  return range.check(origin.address, family);
}

/** Bits of `255.255.0.0` or `ffff:ffff::`. */
function prefixOf(netmask: string): number {
  const [parts, base] = netmask.includes(":") ? [netmask.split(":"), 16] : [netmask.split("."), 10];
  return parts.reduce(
    (sum, part) =>
      sum +
      (Number.parseInt(part || "0", base)
        .toString(2)
        .match(/1/g)?.length ?? 0),
    0,
  );
}
