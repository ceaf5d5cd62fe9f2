import { parseAcl } from "../postgres/acl.ts";
import type { Queryable } from "../postgres/connection.ts";
import type { DatabaseFacts } from "./database-facts.ts";
import { holds, isSuperuser, readRoles, rightsOf } from "./roles.ts";
import type { Warning, WarningKind } from "./warning.ts";

/**
 * What stays with the legacy user, or with a superuser, because it has no place in the move: publications, event
 * triggers, foreign servers without a user mapping for the roles, large objects.
 */
export const unmovedObjects: WarningKind<DatabaseFacts> = {
  name: "objects that have no place in the move",
  async find(db, facts, reads) {
    if (facts.legacyUsers.length === 0) return [];
    const roles = await reads.once(db, readRoles);
    const rights = new Set(facts.roles.flatMap((role) => [...rightsOf(roles, role)]));
    const isLegacy = (owner: string) => facts.legacyUsers.includes(owner) || isSuperuser(roles, owner);
    const found = await readUnmoved(db);
    return [
      ...found
        .filter(({ kind, owner }) => isLegacy(owner) && kind in fates)
        .map(({ kind, name, owner }) => ({ object: `${kind} ${name}`, ...fateOf(kind, owner) })),
      ...(await unmappedServers(db, facts)),
      ...(await largeObjects(db, isLegacy, rights)),
    ];
  },
};

interface Unmoved {
  kind: string;
  name: string;
  owner: string;
}

const fates: Record<string, (owner: string) => Omit<Warning, "object">> = {
  publication: (owner) => ({
    what: `stays with ${owner}: a migration that adds a table to it fails`,
    remedy: "ALTER PUBLICATION ... OWNER TO by hand if migrations alter it; else nothing",
  }),
  "event trigger": (owner) => ({
    what: `stays with ${owner} and fires for the DDL of the migrators' role too, with that role's rights`,
    remedy: "see that its function needs no superuser, or excepts that role; else nothing",
  }),
};

function fateOf(kind: string, owner: string): Omit<Warning, "object"> {
  return (fates[kind] as (typeof fates)[string])(owner);
}

async function readUnmoved(db: Queryable): Promise<Unmoved[]> {
  const { rows } = await db.query<Unmoved>(
    `SELECT 'publication' AS kind, quote_ident(pubname) AS name, pg_get_userbyid(pubowner) AS owner FROM pg_publication
     UNION ALL
     SELECT 'event trigger', quote_ident(evtname), pg_get_userbyid(evtowner) FROM pg_event_trigger t
     WHERE evtenabled <> 'D'
       AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_event_trigger'::regclass AND d.objid = t.oid AND d.deptype = 'e')
     ORDER BY 1, 2`,
  );
  return rows;
}

/** A foreign table is read with a user mapping of who reads it, or PUBLIC's. */
async function unmappedServers(db: Queryable, facts: DatabaseFacts): Promise<Warning[]> {
  const { rows } = await db.query<{ name: string; users: string[] }>(
    `SELECT quote_ident(srvname) AS name, array_agg(usename::text ORDER BY usename) AS users
     FROM pg_user_mappings GROUP BY srvname ORDER BY 1`,
  );
  return rows
    .filter(({ users }) => users.some((user) => facts.legacyUsers.includes(user)))
    .filter(({ users }) => ![...facts.roles, "public"].some((user) => users.includes(user)))
    .map(({ name, users }) => ({
      object: `foreign server ${name}`,
      what: `has a user mapping for ${users.join(", ")} and for no role of this stack: its foreign tables fail for them`,
      remedy: `CREATE USER MAPPING FOR the role that uses it SERVER ${name}, once that role is there`,
    }));
}

async function largeObjects(
  db: Queryable,
  isLegacy: (owner: string) => boolean,
  rights: Set<string>,
): Promise<Warning[]> {
  const { rows } = await db.query<{ owner: string; acl: string[] | null; count: number }>(
    `SELECT pg_get_userbyid(lomowner) AS owner, lomacl::text[] AS acl, count(*)::int AS count
     FROM pg_largeobject_metadata WHERE current_setting('lo_compat_privileges') = 'off' GROUP BY 1, 2 ORDER BY 1`,
  );
  const closed = rows.filter(({ owner, acl }) => isLegacy(owner) && !holds(parseAcl(acl ?? []), "SELECT", rights));
  const count = closed.reduce((sum, row) => sum + row.count, 0);
  if (count === 0) return [];
  const owners = [...new Set(closed.map(({ owner }) => owner))].join(", ");
  return [
    {
      object: `${count} large ${count === 1 ? "object" : "objects"}`,
      what: `${count === 1 ? "stays" : "stay"} with ${owners}: no role of this stack may read ${count === 1 ? "it" : "them"}`,
      remedy: "ALTER LARGE OBJECT ... OWNER TO or GRANT SELECT, UPDATE ON LARGE OBJECT by hand, once the role is there",
    },
  ];
}
