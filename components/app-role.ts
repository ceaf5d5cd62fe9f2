import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import { type Grants, grantsProblems } from "../model/grants.ts";
import { alternateLogins, roleNames } from "../model/login-roles.ts";
import { scramVerifier } from "../model/scram.ts";
import { type RoleSettings, readPreviousSettings, readSettings, splitSettings } from "../model/settings.ts";
import type { Access } from "../model/stack.ts";
import { awaitRoleContract, dropLeftoverRoleContract } from "../provider/functions/contracts.ts";
import { AlternateLogins, type ServedService } from "./alternate-logins.ts";
import type { DatabaseServer, ServerDatabase } from "./database-server.ts";
import type { DeclaredRole } from "./declared-role.ts";
import { createPassword } from "./password.ts";
import * as pgaccess from "./pgaccess.ts";

export interface AppRoleArgs extends DeclaredRole {
  /** The server that the role is made on; its `roles` give the connection limit. */
  server: DatabaseServer;
  /**
   * Takes back what was granted to the role by hand, in every schema of its databases; a database's `exclusive` does so for
   * all roles there.
   *
   * @default false: it is named in the preview, and stays
   */
  exclusive?: boolean | undefined;
  /**
   * With `rotation: "alternate"` in the server's roles: this up gives the services the role's other login role, with a new
   * password.
   *
   * @default false
   */
  rotate?: boolean | undefined;
}

/**
 * A NOSUPERUSER login role with a connection limit, settings, privileges, ownership and a generated password. Its name
 * on the server is the component's. With `rotation: "alternate"` in the server's roles two login roles take turns, which
 * SET ROLE to it; then call `servedTo`.
 *
 * @example
 * const reader = new AppRole("shop_reader", { server, access: { shop: "reader" }, settings: { idle_session_timeout: "30min" } });
 */
export class AppRole extends pulumi.ComponentResource {
  readonly roleName: string;
  readonly server: DatabaseServer;
  /** Access level by database. */
  readonly access: ReadonlyMap<string, Access>;
  /** The databases it has access to, or grants in. */
  readonly databases: string[];
  /** CONNECTION LIMIT: the most sessions the role, or either of its login roles, may hold at once. */
  readonly connectionLimit: number;
  /** The role that services log in as: this one, or that of its login roles whose turn it is. */
  readonly login: pulumi.Output<string>;
  /** Of the login; 48 hex digits; a secret. */
  readonly password: pulumi.Output<string>;
  readonly role: postgresql.Role;
  readonly settings: pgaccess.RoleSettings;
  /** With `rotation: "alternate"`. */
  readonly logins: AlternateLogins | undefined;
  readonly privileges: pgaccess.Privileges[];
  /** What it was given, by database, for a `DestroyGuard`. */
  readonly given: pgaccess.GuardedPrivileges[];
  /** Of the databases it owns. */
  readonly ownerships: pgaccess.Ownership[];

  constructor(name: string, args: AppRoleArgs, opts?: pulumi.ComponentResourceOptions) {
    super("app-roles:index:AppRole", name, {}, opts);
    this.roleName = name;
    this.server = args.server;
    this.access = new Map(Object.entries(args.access));
    this.connectionLimit = connectionLimit(this);
    const databases = ownDatabases(this, args.grants ?? {});
    this.databases = [...databases.keys()];
    const settings = ownSettings(this, args.settings);
    const declared = Object.keys(args.settings ?? {});
    const turn = this.server.roles[name]?.rotation === "alternate" ? createTurn(this, args.rotate) : undefined;
    const password = turn ? undefined : createPassword(this, name);
    this.role = createRole(this, settings, password ? { login: true, password } : { login: turn?.keepsLogin });
    this.settings = createSettings(this, this.role, settings, declared);
    this.logins = turn && createLogins(this, turn, settings, declared);
    this.login = this.logins?.login ?? pulumi.output(name);
    this.password = this.logins?.password ?? pulumi.secret(password ?? "");
    this.privileges = createPrivileges(this, databases, args);
    this.given = givenPrivileges(this, databases, args);
    this.ownerships = createOwnerships(this, databases);
    this.registerOutputs();
  }

  /** All that must be in place before a service may use the role. */
  get ready(): pulumi.Output<pulumi.Resource[]> {
    const own = [this.role, this.settings, ...this.privileges, ...this.ownerships];
    return pulumi.output(this.logins?.ready ?? []).apply((ofLogin) => [...own, ...ofLogin]);
  }

  /**
   * With `rotation: "alternate"`: says which services it is given to, all of them, once they are made. The login role whose
   * turn is over may log in until they have passed their gates.
   */
  servedTo(services: ServedService[]): void {
    this.logins?.servedTo(services);
  }
}

function connectionLimit({ roleName, server }: AppRole): number {
  const declared = Object.hasOwn(server.roles, roleName) ? server.roles[roleName] : undefined;
  if (!declared) {
    throw new pulumi.RunError(
      `AppRole ${roleName}: it has no share of the connection budget; add it with its connectionLimit to the roles of the DatabaseServer`,
    );
  }
  return declared.connectionLimit;
}

/** The declared databases that the role has access to, or grants in. */
function ownDatabases(
  { roleName, server, access }: AppRole,
  grants: Record<string, Grants>,
): Map<string, ServerDatabase> {
  const names = new Set([...access.keys(), ...Object.keys(grants)]);
  return new Map(
    [...names].map((name) => {
      const level = access.get(name);
      const here = `AppRole ${roleName}: ${level ? "access" : "grants"}.${name}`;
      const database = server.database(name);
      if (!database) throw new pulumi.RunError(`${here}: the DatabaseServer declares no database ${name}`);
      for (const { path, message } of grantsProblems(grants[name] ?? {})) {
        throw new pulumi.RunError(`AppRole ${roleName}: grants.${[name, ...path].join(".")}: ${message}`);
      }
      if (level && (level === "owner") !== (database.owner === roleName)) {
        throw new pulumi.RunError(
          `${here}: the access is ${level}, but the declared owner of ${name} is ${database.owner ?? "nobody"}; only the owner has the access owner, and no other`,
        );
      }
      return [name, database];
    }),
  );
}

function ownSettings({ roleName }: AppRole, written: AppRoleArgs["settings"] = {}): RoleSettings {
  const problems: string[] = [];
  const settings = readSettings(written, (name, problem) => problems.push(`settings.${name}: ${problem}`));
  if (problems.length > 0) throw new pulumi.RunError(`AppRole ${roleName}: ${problems.join("\n  ")}`);
  return splitSettings(settings);
}

function createTurn(parent: AppRole, rotate: boolean | undefined): pgaccess.LoginTurn {
  const { roleName: role, server } = parent;
  const args = { role, logins: alternateLogins(role), rotate: rotate || undefined };
  return new pgaccess.LoginTurn(role, args, { parent, provider: server.pgaccess });
}

/** What a role has that logs in, or shall one day. */
function sessionAttributes({ connectionLimit }: AppRole, { role: settings }: RoleSettings) {
  const { statementTimeout, idleInTransactionSessionTimeout, searchPath } = settings;
  return {
    connectionLimit,
    ...(statementTimeout !== undefined && { statementTimeout }),
    ...(idleInTransactionSessionTimeout !== undefined && { idleInTransactionSessionTimeout }),
    ...(searchPath && { searchPaths: searchPath }),
    // What it owns has gone back by then; anything left must stop the drop, not be reassigned behind its back.
    skipReassignOwned: true,
  };
}

/** Nothing is changed before what was there is saved, the budget holds and a rehearsal went well. */
function prerequisites({ server }: AppRole): pulumi.Resource[] {
  return [server.connectionBudget, ...server.baselines, ...server.rehearsals];
}

/** @param own its login; without a password of its own it keeps, unused, the one it had when its login roles came */
function createRole(
  parent: AppRole,
  settings: RoleSettings,
  own: { login: pulumi.Input<boolean> | undefined; password?: pulumi.Output<string> },
): postgresql.Role {
  const { roleName, server } = parent;
  const isAdopted = server.roles[roleName]?.adopt === true;
  const role = new postgresql.Role(
    roleName,
    {
      name: roleName,
      ...(isAdopted && formerSettings(parent)),
      ...sessionAttributes(parent, settings),
      ...own,
      ...(own.password && { password: own.password.apply(scramVerifier) }),
    },
    {
      parent,
      provider: server.postgresql,
      dependsOn: [...prerequisites(parent), ...server.madeRoles.latest],
      deleteBeforeReplace: true,
      ...(!own.password && { ignoreChanges: ["password"] }),
      ...(isAdopted
        ? // What the stack does not declare stays. RoleSettings puts the rest back at the end, and the role is not dropped.
          {
            import: roleName,
            ignoreChanges: ["roles", "inherit", "validUntil", "assumeRole"],
            retainOnDelete: true,
            hooks: { beforeUpdate: [awaitRole(server, roleName)] },
          }
        : { hooks: roleHooks(server, roleName) }),
    },
  );
  server.madeRoles.made(roleName, role);
  return role;
}

function createLogins(
  parent: AppRole,
  turn: pgaccess.LoginTurn,
  settings: RoleSettings,
  declared: string[],
): AlternateLogins {
  return new AlternateLogins(parent, turn, {
    attributes: sessionAttributes(parent, settings),
    dependsOn: [parent.role, ...prerequisites(parent)],
    hooks: (login) => roleHooks(parent.server, login, parent.roleName),
    createSettings: (login, role) => createSettings(parent, role, settings, declared, login),
  });
}

/** The official Role resets what it is not given: an adopted role keeps what is not declared. */
function formerSettings(parent: AppRole) {
  const settings = formerRole(parent).apply((former) => readPreviousSettings(former.settings[""] ?? []));
  return {
    statementTimeout: settings.apply(({ statementTimeout }) => statementTimeout ?? 0),
    idleInTransactionSessionTimeout: settings.apply((one) => one.idleInTransactionSessionTimeout ?? 0),
    searchPaths: settings.apply(({ searchPath }) => searchPath ?? []),
  };
}

/** What an adopted role was like before. */
function formerRole({ roleName, server }: AppRole): pulumi.Output<pgaccess.RoleRecord> {
  return firstBaseline({ roleName, server }).snapshot.apply(({ roles }) => {
    const record = roles[roleName];
    // Baseline refuses to adopt what is not there.
    if (!record) throw new pulumi.RunError(`AppRole ${roleName}: adopt: there is no record of the role`);
    return record;
  });
}

function firstBaseline({ roleName, server }: Pick<AppRole, "roleName" | "server">): pgaccess.Baseline {
  const [baseline] = server.baselines;
  if (baseline) return baseline;
  throw new pulumi.RunError(
    `AppRole ${roleName}: adopt: needs a database of the DatabaseServer, with which the role's former state is recorded`,
  );
}

/** What the official Role does not do by itself: clean up after a run that was killed, and not wait for ever for a session. */
function roleHooks(server: DatabaseServer, role: string, memberOf?: string): pulumi.ResourceHookBinding {
  return { beforeCreate: [dropLeftover(server, role, memberOf)], beforeUpdate: [awaitRole(server, role)] };
}

function awaitRole(server: DatabaseServer, role: string): pulumi.ResourceHook {
  return new pulumi.ResourceHook(`await-role-${role}`, async () => {
    await pulumi.runtime.invoke(awaitRoleContract.token, { role }, { provider: server.pgaccess });
  });
}

/** Run only when the state knows no such role: one that is there all the same was left by a run that was killed. */
function dropLeftover(server: DatabaseServer, role: string, memberOf?: string): pulumi.ResourceHook {
  return new pulumi.ResourceHook(`drop-leftover-role-${role}`, async () => {
    await pulumi.runtime.invoke(dropLeftoverRoleContract.token, { role, memberOf }, { provider: server.pgaccess });
  });
}

/** @param login the login role whose they are; what is to be said about them is said of the role itself */
function createSettings(
  parent: AppRole,
  official: postgresql.Role,
  { other }: RoleSettings,
  declared: string[],
  login?: string,
): pgaccess.RoleSettings {
  const { roleName, server, databases } = parent;
  const role = login ?? roleName;
  // What the official Role sets, and what null leaves unset on purpose.
  const setElsewhere = declared.map((name) => name.toLowerCase()).filter((name) => !Object.hasOwn(other, name));
  const former = server.roles[role]?.adopt
    ? pulumi
        .all([formerRole(parent), firstBaseline(parent).verifiers])
        .apply(([record, verifiers]) => ({ ...record, verifier: verifiers[role] ?? null }))
    : undefined;
  const hints = login
    ? { setElsewhere, usedIn: [], legacyUsers: [] }
    : { setElsewhere, usedIn: databases, legacyUsers: server.legacyUsers };
  const options = { parent, provider: server.pgaccess, dependsOn: [official] };
  return new pgaccess.RoleSettings(role, { role, settings: other, former, ...hints }, options);
}

function createPrivileges(
  parent: AppRole,
  databases: Map<string, ServerDatabase>,
  { grants = {}, ...args }: AppRoleArgs,
): pgaccess.Privileges[] {
  const { roleName: role, server } = parent;
  return [...databases].map(([database, { schemas, owner, exclusive: isExclusive, baseline }]) => {
    const access = parent.access.get(database);
    const exclusive = isExclusive || args.exclusive || undefined;
    // Whose future objects it gets default privileges on: those of the owner and of the services not cut over yet.
    const makers = [...(owner ? [owner] : []), ...server.legacyUsers].filter((maker) => maker !== role);
    const creators = [...new Set(makers)];
    const before = heldBefore(parent, baseline);
    const declared = { role, database, access, schemas, grants: grants[database], exclusive };
    const made = creators.map((creator) => server.madeRoles.whenMade(creator)).filter((maker) => maker !== undefined);
    const options = { parent, provider: server.pgaccess, dependsOn: [parent.settings, ...made] };
    const logins = parent.logins && alternateLogins(role);
    // A role that is made by this up is a member of none.
    const judgedBy = server.roles[role]?.adopt ? undefined : [role, ...(owner ? [owner] : [])];
    const hints = { legacyUsers: server.legacyUsers, logins, declared: server.declared(database, judgedBy) };
    const inputs = { ...declared, creators, before, ...hints };
    return new pgaccess.Privileges(`${role}.${database}`, inputs, options);
  });
}

function givenPrivileges(
  parent: AppRole,
  databases: Map<string, ServerDatabase>,
  { grants = {} }: AppRoleArgs,
): pgaccess.GuardedPrivileges[] {
  return [...databases].map(([database, { schemas, baseline }]) => {
    const given = { role: parent.roleName, database, access: parent.access.get(database), schemas };
    return { ...given, grants: grants[database], before: heldBefore(parent, baseline) };
  });
}

/** What an adopted role held before, which is never taken from it. */
function heldBefore({ roleName: role, server }: AppRole, baseline: pgaccess.Baseline) {
  return server.roles[role]?.adopt ? baseline.held.apply((held) => held[role] ?? []) : undefined;
}

/** After the privileges: whoever owns a table must be able to use its schema, or its foreign keys fail. */
function createOwnerships(parent: AppRole, databases: Map<string, ServerDatabase>): pgaccess.Ownership[] {
  const { roleName, server } = parent;
  const owned = [...databases].filter(([database]) => parent.access.get(database) === "owner");
  return owned.map(([database, { schemas, keepOwner, alsoOwn, baseline }]) => {
    const roles = roleNames(server.roles);
    const former = baseline.snapshot;
    const legacyUsers = server.legacyUsers;
    const declared = server.declared(database);
    const args = { database, owner: roleName, schemas, keepOwner, alsoOwn, roles, former, legacyUsers, declared };
    const options = { parent, provider: server.pgaccess, dependsOn: parent.privileges };
    return new pgaccess.Ownership(database, args, options);
  });
}
