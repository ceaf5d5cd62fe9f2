import { BlockList, isIP, isIPv6 } from "node:net";
import type { Queryable } from "../postgres/connection.ts";
import { quoted } from "./quoted.ts";
import type { RoleFacts } from "./role-facts.ts";
import { groupsOf, type Roles, readRoles } from "./roles.ts";
import type { Warning, WarningKind } from "./warning.ts";

/**
 * Lines of pg_hba.conf that let the legacy users in from the network where none lets the role in. From which address a
 * service comes nobody knows, so each address range that a line opens to a legacy user is asked about; once there is no
 * legacy user, whether the role can come in over the network at all. Lines for Unix sockets are not looked at. Only a
 * superuser, or who has been granted it, may read the file: for others nothing is found, which `limitedAdmin` says.
 */
export const clientAuthentication: WarningKind<RoleFacts> = {
  name: "pg_hba.conf lines that do not let the role in",
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
  /** Null when the address is no number. */
  netmask: string | null;
  method: string;
}

interface AuthenticationFile {
  lines: AuthenticationLine[];
  /** The server speaks TLS: without it hostssl lines never match. */
  tls: boolean;
  /** PostgreSQL 16 and later take /regular expressions. */
  expressions: boolean;
}

/** Methods that a login with a password which the server has as a SCRAM verifier gets through. */
const passable = ["trust", "scram-sha-256", "md5", "password"];

/** Whether the session's user may read pg_hba.conf through the catalog. */
export async function mayReadLines(db: Queryable): Promise<boolean> {
  const { rows } = await db.query<{ may: boolean }>(
    `SELECT has_table_privilege('pg_catalog.pg_hba_file_rules', 'SELECT')
            AND has_function_privilege('pg_catalog.pg_hba_file_rules()', 'EXECUTE') AS may`,
  );
  return rows[0]?.may ?? false;
}

async function readFile(db: Queryable): Promise<AuthenticationFile | undefined> {
  if (!(await mayReadLines(db))) return undefined;
  // Since PostgreSQL 16 lines may stand in several files, and rule_number says in which order they are tried.
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

/** Where connections come from, and whether they use TLS. */
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
  const mine = matching(role);
  const inForce = file.tls ? [false, true] : [false];
  const remedy = `a line such as \`host ${quoted(database)} ${quoted(role)} ADDRESS scram-sha-256\` in pg_hba.conf before those that match now, then SELECT pg_reload_conf()`;
  const object = `login of ${role} to ${database}`;
  if (legacyUsers.length === 0) {
    const opens = mine.some((line) => passable.includes(line.method) && inForce.some((tls) => isOver(line, tls)));
    return opens ? [] : [{ object, what: "no line of pg_hba.conf lets it in over the network", remedy }];
  }
  const found = new Map<string, Warning>();
  for (const user of legacyUsers) {
    const theirs = matching(user);
    for (const opening of theirs) {
      for (const origin of inForce.flatMap((tls) => originsOf(opening, tls))) {
        // Only what lets the user in today can be missed.
        if (theirs.find((line) => covers(line, origin)) !== opening || opening.method === "reject") continue;
        const first = mine.find((line) => covers(line, origin));
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

/** The ranges a line is for; `all` is both families. */
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

/** Whether every connection of the origin matches the line's type and address. */
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
