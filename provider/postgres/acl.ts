/** One privilege of one grantee, as an `aclitem` holds it. */
export interface Grant {
  /** Role, or the empty string for PUBLIC. */
  grantee: string;
  grantor: string;
  /** SQL keyword: SELECT, EXECUTE, ... */
  privilege: string;
  /** Held WITH GRANT OPTION. */
  grantable: boolean;
}

/** Letters of an aclitem (PostgreSQL documentation, "Privileges", table 5.1). */
const privilegeOf: Record<string, string> = {
  r: "SELECT",
  a: "INSERT",
  w: "UPDATE",
  d: "DELETE",
  D: "TRUNCATE",
  x: "REFERENCES",
  t: "TRIGGER",
  m: "MAINTAIN",
  X: "EXECUTE",
  U: "USAGE",
  C: "CREATE",
  c: "CONNECT",
  T: "TEMPORARY",
  s: "SET",
  A: "ALTER SYSTEM",
};

/** Reads aclitems as Postgres prints them (`"a role"=ar*w/postgres`). Throws on anything else. */
export function parseAcl(items: string[]): Grant[] {
  return items.flatMap((item) => {
    const match = /^("(?:[^"]|"")*"|[^"=]*)=([a-zA-Z*]*)\/("(?:[^"]|"")*"|[^"]*)$/s.exec(item);
    if (!match) throw new Error(`cannot read the privileges ${item}: not an aclitem`);
    const [grantee, letters, grantor] = [unquote(match[1] as string), match[2] as string, unquote(match[3] as string)];
    return [...letters.matchAll(/([a-zA-Z])(\*?)/g)].map(([, letter, star]) => {
      const privilege = privilegeOf[letter as string];
      if (!privilege) throw new Error(`cannot read the privileges ${item}: unknown letter ${letter}`);
      return { grantee, grantor, privilege, grantable: star === "*" };
    });
  });
}

function unquote(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
}
