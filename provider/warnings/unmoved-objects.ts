import { parseAcl } from "../postgres/acl.ts";
import type { Queryable } from "../postgres/connection.ts";
import type { DatabaseFacts, ServerFacts } from "./facts.ts";
import { holds, isSuperuser, readRoles, rolesOf } from "./roles.ts";
import type { Warning, WarningKind } from "./warning.ts";

/**
 * Objects that stay with the legacy user or a superuser because the stack does not change their owners: publications, event
 * triggers, foreign servers without a user mapping for the roles, large objects.
 */
export const unmovedObjects: WarningKind<DatabaseFacts> = {
  name: "objects whose owners the stack does not change",
  async find(db, facts, reads) {
    if (facts.legacyUsers.length === 0) return [];
    const roles = await reads.once(db, readRoles);
    const effective = new Set(facts.roles.flatMap((role) => [...rolesOf(roles, role)]));
    const isLegacy = (owner: string) => facts.legacyUsers.includes(owner) || isSuperuser(roles, owner);
    const found = await readUnmoved(db);
    return [
      ...found
        .filter(({ kind, owner }) => isLegacy(owner) && kind in fates)
        .map(({ kind, name, owner }) => ({ object: `${kind} ${name}`, ...fateOf(kind, owner) })),
      ...(await unmappedServers(db, facts)),
      ...(await largeObjects(db, isLegacy, effective)),
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
    remedy: "run ALTER PUBLICATION ... OWNER TO by hand if migrations alter it; otherwise do nothing",
  }),
  "event trigger": (owner) => ({
    what: `stays with ${owner} and also fires for DDL that migrations run, with the privileges of their role`,
    remedy: "check that its function does not need a superuser, or make it skip that role; otherwise do nothing",
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

/** A foreign table is read through the user mapping of its reader, or of PUBLIC. */
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
      what: `has a user mapping for ${users.join(", ")} but for no role of this stack: its foreign tables fail for these roles`,
      remedy: `CREATE USER MAPPING FOR the role that uses it SERVER ${name}, once that role exists`,
    }));
}

async function largeObjects(
  db: Queryable,
  isLegacy: (owner: string) => boolean,
  effective: Set<string>,
): Promise<Warning[]> {
  const { rows } = await db.query<{ owner: string; acl: string[] | null; count: number }>(
    `SELECT pg_get_userbyid(lomowner) AS owner, lomacl::text[] AS acl, count(*)::int AS count
     FROM pg_largeobject_metadata WHERE current_setting('lo_compat_privileges') = 'off' GROUP BY 1, 2 ORDER BY 1`,
  );
  const closed = rows.filter(({ owner, acl }) => isLegacy(owner) && !holds(parseAcl(acl ?? []), "SELECT", effective));
  const count = closed.reduce((sum, row) => sum + row.count, 0);
  if (count === 0) return [];
  const owners = [...new Set(closed.map(({ owner }) => owner))].join(", ");
  return [
    {
      object: `${count} large ${count === 1 ? "object" : "objects"}`,
      what: `${count === 1 ? "stays" : "stay"} with ${owners}: no role of this stack can read ${count === 1 ? "it" : "them"}`,
      remedy:
        "run ALTER LARGE OBJECT ... OWNER TO or GRANT SELECT, UPDATE ON LARGE OBJECT by hand, once the role exists",
    },
  ];
}

/** The database in which pg_cron keeps its jobs; undefined if pg_cron is not loaded and so runs none. */
export async function cronDatabase(db: Queryable): Promise<string | undefined> {
  const { rows } = await db.query<{ name: string | null }>(
    "SELECT nullif(current_setting('cron.database_name', true), '') AS name",
  );
  return rows[0]?.name ?? undefined;
}

/**
 * pg_cron jobs in the declared databases that run as a legacy user or a superuser: the stack does not change them. Must run in
 * cronDatabase; a non-superuser admin sees only its own jobs.
 */
export const cronJobs: WarningKind<ServerFacts> = {
  name: "pg_cron jobs",
  async find(db, { databases, legacyUsers }, reads) {
    if (legacyUsers.length === 0) return [];
    const { rows: found } = await db.query<{ found: boolean }>(
      `SELECT has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS found
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'cron' AND c.relname = 'job'`,
    );
    if (!found[0]?.found) return [];
    const roles = await reads.once(db, readRoles);
    const { rows } = await db.query<{ name: string; database: string; user: string }>(
      `SELECT jobid || coalesce(' (' || jobname || ')', '') AS name, database::text AS database, username::text AS user
       FROM cron.job WHERE database = ANY ($1::text[]) AND active ORDER BY jobid`,
      [databases],
    );
    return rows
      .filter(({ user }) => legacyUsers.includes(user) || isSuperuser(roles, user))
      .map(({ name, database, user }) => ({
        object: `cron job ${name}`,
        what: `keeps running in ${database} as ${user}`,
        remedy: "to change that, schedule it again as its own role; otherwise do nothing",
      }));
  },
};
