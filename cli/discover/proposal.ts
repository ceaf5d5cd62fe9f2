import { defaultCeiling } from "../../model/budget.ts";
import type { Grants } from "../../model/grants.ts";
import type { Pool } from "../../model/pool.ts";
import type { Access, Migrates } from "../../model/stack.ts";
import type { ServerAddress } from "../../provider/postgres/connection.ts";
import type { Activity } from "./activity.ts";
import { type DatabaseEstate, managedSchemas } from "./estate.ts";
import type { Need } from "./evidence.ts";
import { type PoolPlan, planPools } from "./limits.ts";
import { lostSettings } from "./lost-settings.ts";
import { appRoleNames, ownerRoleNames } from "./names.ts";
import type { ServerFacts } from "./server-facts.ts";
import type { SeenService, Who } from "./services.ts";

/** Everything that a discovery found out. */
export interface Findings {
  address: ServerAddress;
  server: ServerFacts;
  /** Name of the server's own container, as Docker knows it. */
  serverContainer: string | undefined;
  who: Who;
  /** Databases in use. */
  estates: DatabaseEstate[];
  /** By service. */
  needs: Map<string, Need>;
  /** By database; without those whose beginning was not seen. */
  activity: Map<string, Activity>;
}

/** Something that a person must decide: a comment at `path` in the file, and a line of the report. */
export interface Decision {
  /** Below `config`, the first without its namespace: `["services", "cron", "migrates"]`. */
  path: string[];
  text: string;
  /** The command that records the decision. */
  next?: string;
}

type Decide = (path: string[], text: string, next?: string) => void;

type Value = string | number | boolean | null | string[];

/** The sections of a stack's configuration, in the order of the file. */
export interface ProposedConfig {
  server: { host: string; port: number; admin: Record<string, string | number | boolean> };
  ceiling: number;
  defaults: { settings: Record<string, Value> };
  databases: Record<
    string,
    { schemas: string[]; owner?: string; keepOwner?: Record<string, string>; alsoOwn?: string[] }
  >;
  roles: Record<
    string,
    {
      connectionLimit: number;
      access: Record<string, Access>;
      grants?: Record<string, Grants>;
      settings?: Record<string, Value>;
    }
  >;
  existingRoles: Record<string, { connectionLimit: number; enforce?: true }>;
  services: Record<
    string,
    {
      database: string;
      role: string;
      connectAs: "legacy";
      urlKey?: string;
      migrates: Migrates;
      pool: Pool;
      runtime: "external";
    }
  >;
}

/** A proposed configuration with what is left to decide. */
export interface Proposal {
  config: ProposedConfig;
  decisions: Decision[];
  /** Undefined: nothing fits under the ceiling. */
  plan: PoolPlan | undefined;
  /** Services by name, in cutover order, with the role that is proposed. */
  services: { seen: SeenService; need: Need; role: string }[];
  /** Services without an object that could be managed. */
  left: SeenService[];
}

/** A service whose statements are not known. */
const nothingSeen: Need = { access: "writer", migrates: "unconfirmed", grants: {}, alsoOwn: [], reasons: [] };

const idleTransaction = "idle_in_transaction_session_timeout";
const defaultSettings = { idle_session_timeout: "30min", [idleTransaction]: "5min" };

/** @param ownRoles roles that the stack of the file has already created */
export function propose(findings: Findings, ownRoles: ReadonlySet<string> = new Set()): Proposal {
  const { server, who, needs, activity } = findings;
  const decisions: Decision[] = [];
  const decide: Decide = (path, text, next) => {
    decisions.push({ path, text, ...(next !== undefined && { next }) });
  };
  const estates = findings.estates.filter((estate) => managedSchemas(estate).length > 0);
  const estateOf = (database: string) => estates.find(({ name }) => name === database);
  const services = who.services
    .filter(({ database }) => estateOf(database))
    .map((seen) => ({ seen, need: needs.get(seen.name) ?? nothingSeen }))
    .toSorted((a, b) => rankOf(a.need) - rankOf(b.need));
  const left = who.services.filter(({ database }) => !estateOf(database));
  const roles = namesOf(services, new Set(server.roleNames.filter((role) => !ownRoles.has(role))));
  const withRoles = services.map((service) => ({ ...service, role: roles.get(service.seen.name) as string }));

  const existingRoles = existingRolesOf(findings, ownRoles, decide);
  const counted = Object.values(existingRoles).reduce((sum, { connectionLimit }) => sum + connectionLimit, 0);
  const plan = planPools(
    services.map(({ seen, need }) => ({
      service: seen.name,
      sessions: seen.perReplica,
      busy: seen.busyPerReplica,
      replicas: seen.replicas,
      migrates: need.migrates,
    })),
    counted,
    server.slots,
  );
  const config: ProposedConfig = {
    server: serverOf(findings, decide),
    ceiling: plan?.ceiling ?? Math.max(1, counted),
    defaults: { settings: { ...defaultSettings } },
    databases: databasesOf(estates, withRoles, activity, decide),
    roles: rolesOf(findings, withRoles, plan, decide),
    existingRoles,
    services: Object.fromEntries(
      withRoles.map(({ seen, need, role }) => [
        seen.name,
        serviceOf(findings, { seen, need, role }, plan?.pools.get(seen.name), decide),
      ]),
    ),
  };
  if (plan?.fit === "fewer idle" || plan?.fit === "fewer than busy") {
    const seen = services.reduce((sum, each) => sum + each.seen.sessions, 0);
    const busy = plan.fit === "fewer than busy" ? " Some had more busy sessions at once than they get here." : "";
    decide(
      ["ceiling"],
      `The pools seen (${seen} sessions) and the existing roles (${counted}) do not fit under ${plan.ceiling} of ${server.slots.max} connections: pools are lowered to what fits.${busy} Set each service's own pool to its max here before its cutover, or raise max_connections.`,
    );
  } else if (plan && plan.ceiling > defaultCeiling) {
    decide(["ceiling"], "Above the default of the policy pack: give it the same ceiling with --policy-pack-config.");
  }
  return { config, decisions: inFileOrder(decisions, config), plan, services: withRoles, left };
}

function inFileOrder(decisions: Decision[], config: ProposedConfig): Decision[] {
  const sections = Object.keys(config);
  const rank = ({ path: [section = "", entry = ""] }: Decision) => {
    const entries = config[section as keyof ProposedConfig];
    return [sections.indexOf(section), typeof entries === "object" ? Object.keys(entries).indexOf(entry) : 0];
  };
  return decisions.toSorted((a, b) => {
    const [[x = 0, u = 0], [y = 0, v = 0]] = [rank(a), rank(b)];
    return x - y || u - v;
  });
}

/** Cutover order: the lowest risk first, what is not confirmed last. */
function rankOf({ access, migrates }: Need): number {
  if (migrates === "unconfirmed") return 3;
  return ["reader", "writer", "owner"].indexOf(migrates ? "owner" : access);
}

type WithNeed = Pick<Proposal["services"][number], "seen" | "need">;
type WithRole = Proposal["services"][number];

function isOwner({ need }: WithNeed): boolean {
  return need.migrates === true || need.access === "owner";
}

/** Service to its role; the owners of a database share one. */
function namesOf(services: WithNeed[], taken: ReadonlySet<string>): Map<string, string> {
  const databases = [...new Set(services.filter(isOwner).map(({ seen }) => seen.database))].toSorted();
  const owners = ownerRoleNames(databases, taken);
  const others = services.filter((service) => !isOwner(service)).map(({ seen }) => seen.name);
  const apps = appRoleNames(others, new Set([...taken, ...owners.values()]));
  return new Map(
    services.map(({ seen, need }) => [
      seen.name,
      (isOwner({ seen, need }) ? owners.get(seen.database) : apps.get(seen.name)) as string,
    ]),
  );
}

function databasesOf(
  estates: DatabaseEstate[],
  services: WithRole[],
  activity: Map<string, Activity>,
  decide: Decide,
): ProposedConfig["databases"] {
  return Object.fromEntries(
    estates.map((estate) => {
      const here = services.filter(({ seen }) => seen.database === estate.name);
      const owner = here.find(isOwner)?.role;
      const path = ["databases", estate.name];
      const changed = activity.get(estate.name)?.changed ?? [];
      if (owner === undefined) {
        const names = here.filter(({ need }) => need.migrates === "unconfirmed").map(({ seen }) => seen.name);
        const seen =
          changed.length > 0
            ? ` During the watch ${changed.map(({ name, what }) => `${name} was ${what}`).join(", ")}.`
            : "";
        const ledgers = estate.ledgers.map(({ key }) => key).join(", ");
        const ledger = ledgers === "" ? "" : ` ${ledgers} is a migration ledger, so one of its services migrates.`;
        if (names.length > 0) {
          decide(
            path,
            `No owner yet: it is not confirmed whether ${listOf(names)} ${names.length > 1 ? "migrate" : "migrates"}.${ledger}${seen} A service that migrates must log in as the owner.`,
          );
        }
        return [estate.name, { schemas: managedSchemas(estate) }];
      }
      const keepOwner = keptOwners(estate);
      const alsoOwn = alsoOwned(estate, here);
      if (Object.keys(keepOwner).length > 0) {
        decide([...path, "keepOwner"], "These objects have an owner of their own, which keeps them.");
      }
      return [
        estate.name,
        {
          schemas: managedSchemas(estate),
          owner,
          ...(Object.keys(keepOwner).length > 0 && { keepOwner }),
          ...(alsoOwn.length > 0 && { alsoOwn }),
        },
      ];
    }),
  );
}

/** Objects of other roles than superusers; a pattern if they are all that a schema has. */
function keptOwners(estate: DatabaseEstate): Record<string, string> {
  const schemas = managedSchemas(estate);
  const kept = estate.objects.filter(({ schema, isSuperusers }) => schemas.includes(schema) && !isSuperusers);
  return Object.fromEntries(
    kept.map(({ key, owner }) => [key, owner] as const).toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
}

function ledgersOutside(estate: DatabaseEstate): DatabaseEstate["ledgers"] {
  const schemas = managedSchemas(estate);
  return estate.ledgers.filter(({ schema, isSuperusers }) => isSuperusers && !schemas.includes(schema));
}

function alsoOwned(estate: DatabaseEstate, services: WithRole[]): string[] {
  const named = services.filter(isOwner).flatMap(({ need }) => need.alsoOwn);
  return [...new Set([...ledgersOutside(estate).map(({ key }) => key), ...named])].toSorted();
}

function rolesOf(
  { server, estates }: Findings,
  services: WithRole[],
  plan: PoolPlan | undefined,
  decide: Decide,
): ProposedConfig["roles"] {
  const byRole = Map.groupBy(services, ({ role }) => role);
  return Object.fromEntries(
    [...byRole].map(([role, users]) => {
      const [{ seen: first }] = users as [WithRole, ...WithRole[]];
      const { database } = first;
      const access = strongest(users);
      const estate = estates.find(({ name }) => name === database) as DatabaseEstate;
      const grants = mergedGrants([
        ...users.map(({ need }) => need.grants),
        ...(access === "owner" ? [ledgerGrants(estate)] : []),
      ]);
      const settings = settingsOf(server, role, users, decide);
      for (const { seen, need } of users) askAbout(role, seen, need, decide);
      const limit = users.reduce((sum, { seen }) => sum + (plan?.demands.get(seen.name) ?? 1), 0);
      return [
        role,
        {
          connectionLimit: limit,
          access: { [database]: access },
          ...(Object.keys(grants).length > 0 && { grants: { [database]: grants } }),
          ...(Object.keys(settings).length > 0 && { settings }),
        },
      ];
    }),
  );
}

/** What a person must judge, because the evidence is weak or no privilege of a role is enough. */
function askAbout(role: string, { name }: SeenService, { reasons }: Need, decide: Decide): void {
  const of = (subject: string) => reasons.filter((reason) => reason.subject === subject);
  const whats = (some: Need["reasons"]) => [...new Set(some.map(({ what }) => what))];
  // The first one decides; the others support it.
  const [access] = of("access");
  if (access?.certainty === "likely") {
    decide(["roles", role, "access"], `Not certain for ${name}: ${access.what}. A log with log_statement = all tells.`);
  }
  const [migrates] = of("migrates");
  if (migrates?.certainty === "likely") decide(["services", name, "migrates"], `Not certain: ${migrates.what}.`);
  const grants = reasons.filter(({ subject, certainty }) => subject.includes(".") && certainty === "likely");
  if (grants.length > 0) {
    decide(
      ["roles", role, "grants"],
      `${name} may need ${listOf(whats(grants))}: a function's body or a name is not certain.`,
    );
  }
  const beyond = of("superuser");
  if (beyond.length > 0) {
    decide(["services", name], `It needs more than a role of the stack can have: ${whats(beyond).join("; ")}.`);
  }
  const skipped = of("skipped");
  if (skipped.length > 0) {
    decide(
      ["services", name],
      `Postgres will skip, with a warning, what its role does not own: ${whats(skipped).join(", ")}. Leave it to autovacuum, or run it as the owner.`,
    );
  }
  const unknown = of("unknown");
  if (unknown.length > 0) {
    decide(["services", name], `What some of its statements need is not known: ${whats(unknown).join("; ")}.`);
  }
}

function strongest(users: WithRole[]): Access {
  if (users.some(isOwner)) return "owner";
  return users.some(({ need }) => need.access === "writer") ? "writer" : "reader";
}

/** The rights that a tool's CREATE TABLE IF NOT EXISTS needs on the schema of its ledger. */
function ledgerGrants(estate: DatabaseEstate): Grants {
  const schemas = Object.fromEntries(
    ledgersOutside(estate)
      .filter(({ schemaPrivileges }) => schemaPrivileges.length > 0)
      .map(({ schema, schemaPrivileges }) => [schema, schemaPrivileges]),
  );
  return Object.keys(schemas).length > 0 ? { schemas } : {};
}

function mergedGrants(all: Grants[]): Grants {
  const merged: Grants = {};
  const union = (a: string[] = [], b: string[] = []) => [...new Set([...a, ...b])].toSorted();
  for (const grants of all) {
    if (grants.database) merged.database = union(merged.database, grants.database);
    for (const kind of ["schemas", "tables", "sequences", "functions", "types"] as const) {
      for (const [name, privileges] of Object.entries(grants[kind] ?? {})) {
        merged[kind] = { ...merged[kind], [name]: union(merged[kind]?.[name], privileges) };
      }
    }
    for (const [table, columns] of Object.entries(grants.columns ?? {})) {
      for (const [privilege, names] of Object.entries(columns)) {
        const earlier = merged.columns?.[table];
        merged.columns = {
          ...merged.columns,
          [table]: { ...earlier, [privilege]: union(earlier?.[privilege], names) },
        };
      }
    }
  }
  return merged;
}

/** Steps in which a timeout is raised, so that two discoveries propose the same. */
const longer = [
  [300, "15min"],
  [900, "1h"],
  [3600, "6h"],
  [21_600, "1d"],
] as const;

function settingsOf(server: ServerFacts, role: string, users: WithRole[], decide: Decide): Record<string, Value> {
  const settings: Record<string, Value> = {};
  const path = ["roles", role];
  for (const { seen } of users) {
    const lost = lostSettings(server, seen.user, seen.database);
    Object.assign(settings, lost.settings);
    if (lost.undecided.length > 0) {
      decide(
        path,
        `${seen.user} also has settings whose values are not copied: ${lost.undecided.join(", ")}. Set them here if the services need them.`,
      );
    }
  }
  const idle = Math.max(...users.map(({ seen }) => seen.idleInTransaction));
  const raised = longer.findLast(([seconds]) => idle > seconds)?.[1];
  if (raised !== undefined && !Object.hasOwn(settings, idleTransaction)) {
    settings[idleTransaction] = raised;
    const name = users.toSorted((a, b) => b.seen.idleInTransaction - a.seen.idleInTransaction)[0]?.seen.name;
    decide(
      [...path, "settings"],
      `${name} left a transaction idle for longer than the default allows; is it on purpose?`,
    );
  }
  return settings;
}

function existingRolesOf(
  { server, who }: Findings,
  ownRoles: ReadonlySet<string>,
  decide: Decide,
): ProposedConfig["existingRoles"] {
  return Object.fromEntries(
    server.roles
      .filter(({ role, superuser }) => !superuser && !ownRoles.has(role))
      .map(({ role, limit, sessions }) => {
        if (limit >= 0) return [role, { connectionLimit: Math.max(1, limit) }];
        const seen = Math.max(who.existing.get(role) ?? 0, sessions);
        decide(
          ["existingRoles", role],
          `Unlimited today${seen > 0 ? `, at most ${seen} sessions seen` : ""}: enforce sets this limit.`,
        );
        return [role, { connectionLimit: Math.max(3, seen + 1), enforce: true as const }];
      }),
  );
}

function serverOf({ address, server, serverContainer }: Findings, decide: Decide): ProposedConfig["server"] {
  const host = serverContainer ?? address.host;
  decide(
    ["server", "host"],
    serverContainer === undefined
      ? "What the services connect to, as in their DATABASE_URL; this is the address that discover used."
      : "What the services connect to, as in their DATABASE_URL; this is the name of the server's container.",
  );
  const user = server.isSuperuser ? server.user : server.admin;
  if (!server.isSuperuser) {
    decide(
      ["server", "admin", "user"],
      `discover logged in as ${server.user}, which cannot create roles. Name the admin.`,
    );
  }
  const { host: adminHost, port, database, sslmode, sslrootcert } = address;
  return {
    host,
    port,
    ...(sslrootcert !== undefined && sslmode !== "disable" && { sslrootcert }),
    admin: { host: adminHost, port, user, database, sslmode },
  };
}

function serviceOf(
  { server }: Findings,
  { seen, need, role }: WithRole,
  pool: Pool | undefined,
  decide: Decide,
): ProposedConfig["services"][string] {
  const path = ["services", seen.name];
  const keys = seen.container?.urlKeys ?? [];
  const fitting = keys.filter(({ database }) => database === seen.database);
  const candidates = fitting.length > 0 ? fitting : keys;
  const [urlKey] = candidates;
  if (seen.nameProblem !== undefined) decide(path, `Name this service: ${seen.nameProblem}.`);
  if (seen.container && candidates.length !== 1) {
    decide(
      path,
      candidates.length === 0
        ? `No variable of the container ${seen.container.name} holds a Postgres URL: set urlKey, or tell how it gets its login.`
        : `Several variables of the container ${seen.container.name} hold a Postgres URL: ${candidates.map(({ name }) => name).join(", ")}.`,
    );
  }
  const admin = server.isSuperuser ? server.user : server.admin;
  if (seen.user !== admin) {
    decide(
      path,
      `It logs in as ${seen.user}: set serviceSecrets.${seen.name}.legacyUrl, since the default is the login of ${admin}.`,
    );
  }
  if (need.migrates === "unconfirmed") {
    const command = `app-roles confirm ${seen.name} --migrates false --because "..."`;
    decide([...path, "migrates"], unconfirmedText(seen, need), command);
  }
  if (seen.container?.compose) {
    const { service, files } = seen.container.compose;
    decide(
      [...path, "runtime"],
      `Compose runs it: runtime: compose, compose: {files: [${files.join(", ")}], service: ${service}, envFile: <the file with its ${urlKey?.name ?? "URL"}>} lets the stack restart it.`,
    );
  }
  return {
    database: seen.database,
    role,
    connectAs: "legacy",
    ...(urlKey && urlKey.name !== "DATABASE_URL" && { urlKey: urlKey.name }),
    migrates: need.migrates,
    pool: pool ?? { max: 1, replicas: seen.replicas, surge: 0 },
    runtime: "external",
  };
}

function unconfirmedText({ startedAt, container }: SeenService, { reasons }: Need): string {
  const hidden = reasons.find(({ subject }) => subject === "hides DDL");
  if (hidden) {
    return `Not confirmed: no DDL was seen, and its start was watched, but ${hidden.what} can hide it. Read its start command.`;
  }
  const isSilent = reasons.length === 0;
  const why = isSilent ? "none of its statements was seen" : "no DDL was seen";
  const start = startedAt || isSilent ? "" : ", but its start was not watched";
  const restart = container
    ? "Restart it while discover watches with --log"
    : "Stop it, and start it while discover watches with --log (with --docker a restart is enough)";
  return `Not confirmed: ${why}${start}. ${restart}, or read its start command.`;
}

function listOf(names: string[]): string {
  return names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)}` : (names[0] ?? "");
}
