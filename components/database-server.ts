import { Provider } from "@pulumi/postgresql/provider.js";
import * as pulumi from "@pulumi/pulumi";
import { defaultCeiling } from "../model/budget.ts";
import type { DeclaredAccess } from "../model/declared-access.ts";
import { loginsOf, type Rotation, roleNames } from "../model/login-roles.ts";
import { rehearsedRoles } from "../model/rehearsal.ts";
import { completeServer } from "../model/server.ts";
import { readSettings, type Settings, settingTexts } from "../model/settings.ts";
import type * as model from "../model/stack.ts";
import { budgetEntries } from "../model/stack.ts";
import { parseSnapshot } from "../provider/baseline/contract.ts";
import { CreatedRoles } from "./created-roles.ts";
import type { DeclaredRole, RoleAccess } from "./declared-role.ts";
import * as pgaccess from "./pgaccess.ts";

export interface DatabaseServerArgs {
  /**
   * Host that the services connect to, as in their DATABASE_URL. Plain text, because the providers need it in preview.
   *
   * @example "timescale_db"
   */
  host: string;
  /**
   * Port that the services connect to.
   *
   * @default 5432
   */
  port?: number | undefined;
  /**
   * File with the certificate (PEM) of the authority that signed the server's, for the stack's own connections; a path relative to
   * the project folder, or `system`. Needs an `admin.sslmode` other than `disable`.
   *
   * @default the environment variable PGSSLROOTCERT, else ~/.postgresql/root.crt
   * @example "/etc/ssl/company-ca.pem"
   */
  sslrootcert?: string | undefined;
  /**
   * Address and login of the stack itself. TLS is `disable` to this machine (loopback or a Unix socket), else `require`.
   *
   * @default the host and port above, user postgres, database postgres
   * @example { host: "127.0.0.1", port: 15432 }
   */
  admin?: Partial<Omit<model.Admin, "container" | "sslrootcert">> | undefined;
  /**
   * Password of the admin; becomes a secret.
   *
   * @default none
   * @example config.requireSecret("adminPassword")
   */
  adminPassword?: pulumi.Input<string> | undefined;
  /**
   * The databases whose objects are managed, by name.
   *
   * @example { shop: { schemas: ["shop", "billing"], owner: "shop_owner" } }
   */
  databases: Record<string, DatabaseArgs>;
  /**
   * The connection limit of every role that the program creates on this server, by name: the budget must fit before the first is
   * created. Each needs an AppRole of that name. With `adopt` an existing role is adopted, and restored instead of dropped at the
   * end; needs a database.
   *
   * @example { shop_owner: { connectionLimit: 20 }, shop_reader: { connectionLimit: 8, adopt: true } }
   */
  roles: Record<string, RoleShare>;
  /**
   * Login roles that already exist, by name: counted in the budget, and changed only with `enforce`.
   *
   * @default none
   * @example { metabase: { connectionLimit: 5 }, grafana: { connectionLimit: 5, enforce: true } }
   */
  existingRoles?: Record<string, ExistingRoleArgs> | undefined;
  /**
   * The highest sum of all connection limits.
   *
   * @default 95: max_connections 100 less 3 reserved ones and room for an admin
   */
  ceiling?: number | undefined;
  /**
   * Users that services still log in as. Default privileges cover their objects as they do the owner's; set an empty list once
   * every service is cut over.
   *
   * @default the admin's user
   */
  legacyUsers?: string[] | undefined;
  /**
   * Every service stays on its role: legacy URLs are kept without user and password, and the policy pack refuses legacy logins
   * and login roles without a limit, which it otherwise reports.
   *
   * @default false
   */
  migrationComplete?: boolean | undefined;
  /**
   * A resource to register before all that read the server, such as one that refuses a declaration as a whole: the engine reports
   * only the first refusal.
   *
   * @default nothing
   */
  first?: ((provider: pgaccess.Provider) => pulumi.Resource) | undefined;
  /**
   * Every AppRole of the server by name, with its access and grants, so that warnings describe the state after the up even before
   * the roles exist.
   *
   * @default those of `rehearse`; else warnings consider each role's own resource and current privileges
   * @example { shop_owner: { access: { shop: "owner" } }, shop_reader: { access: { shop: "reader" } } }
   */
  access?: Record<string, RoleAccess> | undefined;
  /**
   * Every AppRole of the server by name, with its access and settings: an up that would move or grant something rehearses it on
   * the live server first, and changes nothing if that fails. The admin must be a superuser.
   *
   * @default nothing is rehearsed
   * @example { shop_owner: { access: { shop: "owner" } }, shop_reader: { access: { shop: "reader" } } }
   */
  rehearse?: Record<string, DeclaredRole> | undefined;
}

export interface RoleShare {
  /** CONNECTION LIMIT, from 1. */
  connectionLimit: number;
  /** @default false: the role must not exist yet */
  adopt?: boolean | undefined;
  /**
   * `alternate`: two login roles, named like the role with `_a` and `_b` and each with its limit, take turns, so that a rotation
   * interrupts no service. Not with `adopt`.
   *
   * @default the role itself logs in
   */
  rotation?: Rotation | undefined;
}

export interface ExistingRoleArgs {
  /** The role's CONNECTION LIMIT on the server, or with `enforce` the one to set. */
  connectionLimit: number;
  /**
   * Sets the limit and the settings on the server; deleting restores the previous ones. Needs a database.
   *
   * @default false: the role is only counted
   */
  enforce?: boolean | undefined;
  /**
   * Settings of the role's sessions, written as those of an AppRole; only with `enforce`.
   *
   * @default none
   * @example { idle_session_timeout: "30min" }
   */
  settings?: Record<string, string | number | boolean | string[] | null> | undefined;
}

export interface DatabaseArgs {
  /** The schemas whose objects are managed. */
  schemas: string[];
  /**
   * Role that owns every object in the schemas, and that migrations run as; its access here is `owner`.
   *
   * @default objects keep their owners
   */
  owner?: string | undefined;
  /**
   * Objects (`schema.object`) that another role keeps. `*` matches any characters and `?` one; an exact name takes precedence
   * over a pattern, a longer pattern over a shorter one.
   *
   * @default none
   * @example { "reporting.v_trips": "reporting_refresher" }
   */
  keepOwner?: Record<string, string> | undefined;
  /**
   * Objects (`schema.object`) outside the schemas that the owner also owns.
   *
   * @default none
   * @example ["public.schema_migrations"]
   */
  alsoOwn?: string[] | undefined;
  /**
   * SQL files that a rehearsal runs as the owner, such as the next migration; paths relative to the project folder.
   *
   * @default none
   * @example ["migrations/0042.sql"]
   */
  rehearseSql?: string[] | undefined;
  /**
   * Revokes privileges that were granted manually to roles of the stack, in every schema of this database.
   *
   * @default false: the preview names them, and they stay
   */
  exclusive?: boolean | undefined;
  /**
   * Privileges that the program's PublicPrivileges revokes from PUBLIC here, so that no preview warns of them.
   *
   * @default none
   */
  revokeFromPublic?: model.PublicPrivilege[] | undefined;
}

/**
 * A Postgres or TimescaleDB server: its providers, the baselines of its databases (recorded first) and the connection budget,
 * which every role depends on.
 *
 * @example
 * const server = new DatabaseServer("main", {
 *   host: "db.internal",
 *   adminPassword: config.requireSecret("adminPassword"),
 *   databases: { shop: { schemas: ["shop"], owner: "shop_owner" } },
 *   roles: { shop_owner: { connectionLimit: 20 }, shop_reader: { connectionLimit: 8 } },
 * });
 */
export class DatabaseServer extends pulumi.ComponentResource {
  /** The address with its defaults. */
  readonly address: model.Server;
  /** Undefined: the login needs no password. */
  readonly adminPassword: pulumi.Output<string> | undefined;
  /** Connection limits of the roles that the program creates. */
  readonly roles: Record<string, RoleShare>;
  readonly legacyUsers: string[];
  readonly migrationComplete: boolean;
  /** The official provider: roles. */
  readonly postgresql: Provider;
  /** Our plugin: everything else. */
  readonly pgaccess: pgaccess.Provider;
  /** The resource that `args.first` created. */
  readonly first: pulumi.Resource | undefined;
  /** One per database. */
  readonly baselines: pgaccess.Baseline[];
  readonly connectionBudget: pgaccess.ConnectionBudget;
  /** One per database; empty if nothing is rehearsed. */
  readonly rehearsals: pgaccess.Rehearsal[];
  /** The existing roles whose limit is enforced. */
  readonly enforcedRoles: pgaccess.ExistingRole[];
  readonly createdRoles: CreatedRoles;
  readonly #databases: Map<string, ServerDatabase>;
  readonly #args: DatabaseServerArgs;

  constructor(name: string, args: DatabaseServerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("app-roles:index:DatabaseServer", name, {}, opts);
    this.address = completeServer(args);
    this.adminPassword = args.adminPassword === undefined ? undefined : pulumi.secret(args.adminPassword);
    this.roles = args.roles;
    this.legacyUsers = args.legacyUsers ?? [this.address.admin.user];
    this.migrationComplete = args.migrationComplete ?? false;
    this.postgresql = createPostgresqlProvider(this, name);
    this.pgaccess = createPgaccessProvider(this, name);
    this.#args = args;
    this.first = args.first?.(this.pgaccess);
    this.#databases = createDatabases(this, args);
    this.baselines = [...this.#databases.values()].map(({ baseline }) => baseline);
    this.connectionBudget = createConnectionBudget(this, name, args);
    this.rehearsals = createRehearsals(this, args);
    this.enforcedRoles = createEnforcedRoles(this, args);
    this.createdRoles = new CreatedRoles(Object.keys(args.roles));
    this.registerOutputs();
  }

  /** The declared database with its baseline; undefined if none of that name is declared. */
  database(name: string): ServerDatabase | undefined {
    return this.#databases.get(name);
  }

  /**
   * The declaration of a database that warnings use; undefined without `access` and `rehearse`.
   *
   * @param only the roles to include; default all
   */
  declared(database: string, only?: string[]): DeclaredAccess | undefined {
    return declaredAccess(this.#args, database, only);
  }
}

function declaredAccess(args: DatabaseServerArgs, database: string, only?: string[]): DeclaredAccess | undefined {
  const access = args.access ?? args.rehearse;
  const declared = args.databases[database];
  if (!access || !declared) return undefined;
  const { schemas, owner, keepOwner = {}, alsoOwn = [] } = declared;
  const names = only ?? roleNames(args.roles);
  const roles = names.map((name) => {
    const role = Object.hasOwn(access, name) ? access[name] : undefined;
    return [name, { access: role?.access[database], grants: role?.grants?.[database] }] as const;
  });
  return { schemas, owner, keepOwner, alsoOwn, roles: Object.fromEntries(roles) };
}

/** Database to the roles that have access or grants in it, with their login roles. */
function connecting(args: DatabaseServerArgs): Record<string, string[]> | undefined {
  const access = args.access ?? args.rehearse;
  if (!access) return undefined;
  const rolesIn = (database: string) =>
    Object.entries(access)
      .filter(([, one]) => Object.hasOwn(one.access, database) || Object.hasOwn(one.grants ?? {}, database))
      .flatMap(([role]) => [role, ...loginsOf(role, args.roles[role] ?? {})]);
  return Object.fromEntries(Object.keys(args.databases).map((database) => [database, [...new Set(rolesIn(database))]]));
}

/** A database of a server, with defaults. */
export interface ServerDatabase extends Omit<model.Database, "revokeFromPublic"> {
  baseline: pgaccess.Baseline;
}

function createPostgresqlProvider(parent: DatabaseServer, name: string): Provider {
  const { address, adminPassword } = parent;
  const { host, port, user, database, sslmode, sslrootcert, superuser } = address.admin;
  // One connection, in addition to the one of our plugin.
  const to = { host, port, username: user, database, sslmode, sslrootcert };
  const args = { ...to, superuser, maxConnections: 1, connectTimeout: 15 };
  return new Provider(name, { ...args, ...(adminPassword && { password: adminPassword }) }, { parent });
}

function createPgaccessProvider(parent: DatabaseServer, name: string): pgaccess.Provider {
  const { host, port, user, database, sslmode, sslrootcert } = parent.address.admin;
  const args = { host, port, user, database, sslmode, sslrootcert, password: parent.adminPassword };
  return new pgaccess.Provider(name, args, { parent });
}

function afterFirst(parent: DatabaseServer): pulumi.CustomResourceOptions {
  const { first, pgaccess: provider } = parent;
  return { parent, provider, ...(first && { dependsOn: first }) };
}

function createDatabases(parent: DatabaseServer, args: DatabaseServerArgs): Map<string, ServerDatabase> {
  const roles = roleNames(parent.roles);
  const adopt = roles.filter((role) => parent.roles[role]?.adopt);
  const existingRoles = enforced(args).map(([role]) => role);
  return new Map(
    Object.entries(args.databases).map(
      ([database, { schemas, owner, keepOwner = {}, alsoOwn = [], rehearseSql = [], exclusive = false }]) => {
        const declared = { database, schemas, keepOwner, alsoOwn };
        const hints = { legacyUsers: parent.legacyUsers, declared: declaredAccess(args, database) };
        const inputs = { ...declared, roles, adopt, existingRoles, ...hints };
        const baseline = new pgaccess.Baseline(database, inputs, afterFirst(parent));
        return [database, { schemas, owner, keepOwner, alsoOwn, rehearseSql, exclusive, baseline }];
      },
    ),
  );
}

function createConnectionBudget(
  parent: DatabaseServer,
  name: string,
  args: DatabaseServerArgs,
): pgaccess.ConnectionBudget {
  const { roles, existingRoles = {}, ceiling = defaultCeiling } = args;
  const entries = budgetEntries({ roles, existingRoles });
  const databases = Object.keys(args.databases);
  const closed = databases.filter((database) => args.databases[database]?.revokeFromPublic?.includes("CONNECT"));
  const inputs = {
    ceiling,
    entries,
    assumed: Object.keys(roles).filter((role) => roles[role]?.rotation === "alternate"),
    enforced: enforced(args).map(([role]) => role),
    databases,
    access: connecting(args),
    closed: closed.length > 0 ? closed : undefined,
    legacyUsers: parent.legacyUsers,
    superuser: parent.address.admin.superuser,
    migrationComplete: parent.migrationComplete || undefined,
  };
  return new pgaccess.ConnectionBudget(name, inputs, afterFirst(parent));
}

function createRehearsals(parent: DatabaseServer, { databases, rehearse }: DatabaseServerArgs): pgaccess.Rehearsal[] {
  if (!rehearse) return [];
  const roles = Object.fromEntries(
    Object.entries(rehearse).map(([role, { access, grants = {}, settings = {} }]) => [
      role,
      { access, grants, settings: readOwnSettings(`rehearse.${role}`, settings) },
    ]),
  );
  const dependsOn = [parent.connectionBudget, ...parent.baselines];
  return Object.keys(databases).map((database) => {
    const { schemas, owner, keepOwner, alsoOwn, rehearseSql: files } = parent.database(database) as ServerDatabase;
    const args = { database, schemas, owner, keepOwner, alsoOwn, roles: rehearsedRoles(roles, database), files };
    return new pgaccess.Rehearsal(database, args, { parent, provider: parent.pgaccess, dependsOn });
  });
}

/** After the budget: above the ceiling no role is changed. */
function createEnforcedRoles(parent: DatabaseServer, args: DatabaseServerArgs): pgaccess.ExistingRole[] {
  const dependsOn = [parent.connectionBudget, ...parent.baselines, ...parent.rehearsals];
  return enforced(args).map(([role, { connectionLimit, settings = {} }]) => {
    const [baseline] = parent.baselines;
    if (!baseline) {
      throw new pulumi.RunError(
        `DatabaseServer: existingRoles.${role}.enforce: needs a database, whose baseline records the role's previous limit`,
      );
    }
    const former = baseline.snapshot.apply((snapshot) => parseSnapshot(snapshot).existingRoles[role] ?? null);
    const inputs = {
      role,
      connectionLimit,
      settings: settingTexts(readOwnSettings(`existingRoles.${role}`, settings)),
      former,
    };
    return new pgaccess.ExistingRole(role, inputs, { parent, provider: parent.pgaccess, dependsOn });
  });
}

function enforced({ existingRoles = {} }: DatabaseServerArgs): [string, ExistingRoleArgs][] {
  return Object.entries(existingRoles).filter(([, { enforce }]) => enforce);
}

function readOwnSettings(path: string, written: NonNullable<ExistingRoleArgs["settings"]>): Settings {
  const problems: string[] = [];
  const settings = readSettings(written, (name, problem) => problems.push(`settings.${name}: ${problem}`));
  if (problems.length > 0) throw new pulumi.RunError(`DatabaseServer: ${path}: ${problems.join("\n  ")}`);
  return settings;
}
