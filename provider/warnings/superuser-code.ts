import { type Grant, parseAcl } from "../postgres/acl.ts";
import type { Queryable } from "../postgres/connection.ts";
import { quoted } from "../postgres/names.ts";
import { readAfterUp } from "./after-up.ts";
import type { OwnershipFacts, RoleFacts } from "./facts.ts";
import { holds, isSuperuser, type Roles, rolesOf } from "./roles.ts";
import { readRoutines, type WrittenRoutine } from "./routines.ts";
import type { Warning, WarningKind } from "./warning.ts";

/**
 * SECURITY DEFINER routines that change owner and whose source uses something that the new owner cannot do. Only the source text
 * is searched: Postgres does not know what a body does before it runs.
 */
export const superuserDefiners: WarningKind<OwnershipFacts> = {
  name: "moved routines that need a superuser",
  async find(db, facts, reads) {
    const [routines, rules] = [await reads.once(db, readRoutines), await reads.once(db, readRules)];
    const after = await readAfterUp(db, facts, reads);
    return routines.flatMap((routine) => {
      const owner = after.ownerOf(routine.name, routine.owner);
      if (!routine.securityDefiner || owner !== facts.owner) return [];
      const refused = refusedTo(owner, routine, rules, after.roles);
      return refused.map((need) => warning(routine, need, `it runs as ${owner}, which cannot`, owner));
    });
  },
};

/** Routines that run with the caller's privileges: those in the schemas, and triggers on tables there. */
export const superuserInvokers: WarningKind<RoleFacts> = {
  name: "routines that need a superuser",
  async find(db, facts, reads) {
    const { role, access } = facts;
    const schemas = access ? facts.schemas : [];
    const [routines, rules] = [await reads.once(db, readRoutines), await reads.once(db, readRules)];
    const { roles } = await readAfterUp(db, facts, reads);
    return routines.flatMap((routine) => {
      const isHere = [routine.schema, ...routine.triggerIn].some((schema) => schemas.includes(schema));
      if (routine.securityDefiner || !isHere) return [];
      const refused = refusedTo(role, routine, rules, roles);
      return refused.map((need) => warning(routine, need, `it fails when ${role} calls it`, role));
    });
  },
};

function warning({ name }: WrittenRoutine, need: Need, consequence: string, role: string): Warning {
  const grant = need.grant?.(role);
  return {
    object: name,
    what: `its source uses ${need.what}: ${consequence}`,
    remedy: `check whether it really does; if so, ${grant ? `${grant}, or ` : ""}run it as a role that can`,
  };
}

/** Something in a routine's source that needs more than the privileges of PUBLIC. */
interface Need {
  what: string;
  /** Whether a role that has the privileges of these roles can do it. */
  isMet(roles: Set<string>, rules: Rules): boolean;
  /** The statement that allows it; undefined if only a superuser can do it. */
  grant?: (role: string) => string;
}

/** Restricted functions and settings, from the catalog. */
interface Rules {
  /** Functions of Postgres and extensions that PUBLIC cannot call: name to the privileges on all functions of that name. */
  functions: Map<string, Grant[]>;
  /** Settings that only a superuser can set, in lower case, with the privileges on them (PostgreSQL 15 and later). */
  settings: Map<string, Grant[]>;
}

async function readRules(db: Queryable): Promise<Rules> {
  const functions = await db.query<{ name: string; acl: string[] }>(
    `SELECT p.proname AS name, p.proacl::text[] AS acl
     FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
     WHERE p.proacl IS NOT NULL
       AND (n.nspname = 'pg_catalog' OR EXISTS (
         SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'))
       AND NOT EXISTS (SELECT FROM aclexplode(p.proacl) e WHERE e.grantee = 0 AND e.privilege_type = 'EXECUTE')`,
  );
  const { rows: found } = await db.query<{ found: boolean }>(
    "SELECT to_regclass('pg_catalog.pg_parameter_acl') IS NOT NULL AS found",
  );
  const acl = found[0]?.found
    ? "(SELECT a.paracl::text[] FROM pg_parameter_acl a WHERE a.parname = lower(s.name))"
    : "NULL::text[]";
  const settings = await db.query<{ name: string; acl: string[] | null }>(
    `SELECT lower(s.name) AS name, ${acl} AS acl FROM pg_settings s WHERE s.context = 'superuser'`,
  );
  const byName = new Map<string, Grant[]>();
  for (const { name, acl } of functions.rows) byName.set(name, [...(byName.get(name) ?? []), ...parseAcl(acl)]);
  return {
    functions: byName,
    settings: new Map(settings.rows.map((row) => [row.name, parseAcl(row.acl ?? [])])),
  };
}

function refusedTo(role: string, routine: WrittenRoutine, rules: Rules, roles: Roles): Need[] {
  if (isSuperuser(roles, role)) return [];
  const effective = rolesOf(roles, role);
  const needs = new Map(needsOf(routine, rules).map((need) => [need.what, need]));
  return [...needs.values()].filter((need) => !need.isMet(effective, rules));
}

function needsOf({ body, settings }: WrittenRoutine, rules: Rules): Need[] {
  const text = withoutComments(body).toLowerCase();
  return [
    ...statements.filter(({ pattern }) => pattern.test(text)).map(({ need }) => need),
    ...wordsBefore(text, /\(/)
      .filter((word) => rules.functions.has(word))
      .map(calling),
    ...[...settings.map((name) => name.toLowerCase()), ...settingsSet(text)]
      .filter((name) => rules.settings.has(name))
      .map(setting),
  ];
}

/** Keeps literals, because they can hold dynamic SQL. */
function withoutComments(body: string): string {
  return body.replace(/\/\*[\s\S]*?\*\//g, " ").replace(/--[^\n]*/g, " ");
}

function wordsBefore(text: string, next: RegExp): string[] {
  const words = text.matchAll(new RegExp(`([a-z_][a-z0-9_]*)\\s*${next.source}`, "g"));
  return [...new Set([...words].map(([, word]) => word as string))];
}

/** `SET [LOCAL | SESSION] name` and `set_config('name', ...)`. */
function settingsSet(text: string): string[] {
  const words = text.matchAll(/\b(?:set\s+(?:local\s+|session\s+)?|set_config\s*\(\s*'{1,2})([a-z_][a-z0-9_.]*)/g);
  return [...words].map(([, word]) => word as string);
}

const calling = (name: string): Need => ({
  what: `${name}()`,
  isMet: (roles, { functions }) => holds(functions.get(name) ?? [], "EXECUTE", roles),
  grant: (role) => `GRANT EXECUTE on it TO ${quoted(role)}`,
});

const setting = (name: string): Need => ({
  what: `SET ${name}, a superuser's setting`,
  isMet: (roles, { settings }) => holds(settings.get(name) ?? [], "SET", roles),
  grant: (role) => `GRANT SET ON PARAMETER ${name} TO ${quoted(role)} (PostgreSQL 15 and later)`,
});

/** Allowed by a predefined role (PostgreSQL documentation, "Predefined Roles"). */
const asMember = (what: string, group: string): Need => ({
  what,
  isMet: (roles) => roles.has(group),
  grant: (role) => `GRANT ${group} TO ${quoted(role)}`,
});

const superusersOnly = (what: string): Need => ({ what, isMet: () => false });

/** The source or target of COPY: a query, a table with or without columns, or an expression appended to a literal by `||`. */
const copied = String.raw`\bcopy\s+(?:\([^;]*?\)|[\w."%$]+(?:\s*\([^;)]*\))?|'\s*\|\|[^;]*?\|\|\s*')\s*`;

/** COPY in a routine has no client: it reads or writes a file on the server, or runs a program. */
const statements: { pattern: RegExp; need: Need }[] = [
  {
    pattern: new RegExp(String.raw`${copied}(?:from|to)\s+program\b`),
    need: asMember("COPY ... PROGRAM", "pg_execute_server_program"),
  },
  {
    pattern: new RegExp(String.raw`${copied}from\s+(?:e?'|%[ls])`),
    need: asMember("COPY FROM a file", "pg_read_server_files"),
  },
  {
    pattern: new RegExp(String.raw`${copied}to\s+(?:e?'|%[ls])`),
    need: asMember("COPY TO a file", "pg_write_server_files"),
  },
  {
    pattern: /\bpg_(?:terminate|cancel)_backend\s*\(/,
    need: asMember("pg_terminate_backend() or pg_cancel_backend() on other users' sessions", "pg_signal_backend"),
  },
  {
    pattern: /\bdblink(?:_connect|_exec|_open|_send_query)?\s*\(/,
    need: superusersOnly("dblink, which needs a password in the connection string except for superusers"),
  },
  { pattern: /\balter\s+system\b/, need: superusersOnly("ALTER SYSTEM") },
  {
    pattern: /\b(?:create|alter|drop)\s+(?:role|user|group)\b(?!\s+mapping)/,
    need: superusersOnly("CREATE, ALTER or DROP ROLE"),
  },
  { pattern: /\bset\s+session\s+authorization\b/, need: superusersOnly("SET SESSION AUTHORIZATION") },
  {
    pattern: /\bcreate\s+(?:database|tablespace|event\s+trigger|subscription|foreign\s+data\s+wrapper)\b/,
    need: superusersOnly("CREATE DATABASE, TABLESPACE, EVENT TRIGGER, SUBSCRIPTION or FOREIGN DATA WRAPPER"),
  },
  { pattern: /\b(?:disable|enable)\s+trigger\s+all\b/, need: superusersOnly("DISABLE TRIGGER ALL") },
];
