import { Role } from "@pulumi/postgresql/role.js";
import * as pulumi from "@pulumi/pulumi";
import { type Grants, grantsProblems } from "../model/grants.ts";
import { alternateLogins, roleNames } from "../model/login-roles.ts";
import { scramVerifier } from "../model/scram.ts";
import { type RoleSettings, readPreviousSettings, readSettings, splitSettings } from "../model/settings.ts";
import type { Access } from "../model/stack.ts";
import { parseSnapshot } from "../provider/baseline/contract.ts";
import { awaitRoleContract, dropLeftoverRoleContract } from "../provider/functions/contracts.ts";
import { AlternateLogins, type ServedService } from "./alternate-logins.ts";
import type { DatabaseServer, ServerDatabase } from "./database-server.ts";
import type { DeclaredRole } from "./declared-role.ts";
import { createPassword } from "./password.ts";
import * as pgaccess from "./pgaccess.ts";

export interface AppRoleArgs extends DeclaredRole {
  /** The role's server; its `roles` set the connection limit. */
  server: DatabaseServer;
  /**
   * Revokes privileges that were granted manually to the role, in every schema of its databases; a database's `exclusive` does
   * so for all its roles.
   *
   * @default false: the preview names them, and they stay
   */
  exclusive?: boolean | undefined;
  /**
   * With `rotation: "alternate"` in the server's roles: gives the services the role's other login role, with a new password.
   *
   * @default false
   */
  rotate?: boolean | undefined;
}

/**
 * A NOSUPERUSER login role with a connection limit, settings, privileges, ownership and a generated password, named like the
 * component. With `rotation: "alternate"` in the server's roles, two login roles take turns and SET ROLE to it; then call
 * `servedTo`.
 *
 * @example
 * const reader = new AppRole("shop_reader", { server, access: { shop: "reader" }, settings: { idle_session_timeout: "30min" } });
 */
export class AppRole extends pulumi.ComponentResource {
  readonly roleName: string;
  readonly server: DatabaseServer;
  /** Access level by database. */
  readonly access: ReadonlyMap<string, Access>;
  /** The databases in which it has access or grants. */
  readonly databases: string[];
  /** CONNECTION LIMIT of the role or of each of its login roles. */
  readonly connectionLimit: number;
  /** The role that services log in as: this one, or its login role in force. */
  readonly login: pulumi.Output<string>;
  /** Password of the login; 48 hex digits; a secret. */
  readonly password: pulumi.Output<string>;
  readonly role: Role;
  readonly settings: pgaccess.RoleSettings;
  /** Only with `rotation: "alternate"`. */
  readonly logins: AlternateLogins | undefined;
  readonly privileges: pgaccess.Privileges[];
  /** Its privileges by database, for a `DestroyGuard`. */
  readonly given: pgaccess.GuardedPrivileges[];
  /** One for each database that it owns. */
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

  /** Resources that must exist before a service uses the role. */
  get ready(): pulumi.Output<pulumi.Resource[]> {
    const own = [this.role, this.settings, ...this.privileges, ...this.ownerships];
    return pulumi.output(this.logins?.ready ?? []).apply((ofLogin) => [...own, ...ofLogin]);
  }

  /**
   * With `rotation: "alternate"`: declares all services of the role, after creating them. The previous login role can log in
   * until they have passed their gates.
   */
  servedTo(services: ServedService[]): void {
    this.logins?.servedTo(services);
  }
}

function connectionLimit({ roleName, server }: AppRole): number {
  const declared = Object.hasOwn(server.roles, roleName) ? server.roles[roleName] : undefined;
  if (!declared) {
    throw new pulumi.RunError(
      `AppRole ${roleName}: it has no connection limit; add it with its connectionLimit to the roles of the DatabaseServer`,
    );
  }
  return declared.connectionLimit;
}

/** The declared databases in which the role has access or grants. */
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
          `${here}: the access is ${level}, but the declared owner of ${name} is ${database.owner ?? "missing"}; the owner must have the access owner, and no other role can`,
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

/** Attributes of a role that logs in now or later. */
function sessionAttributes({ connectionLimit }: AppRole, { role: settings }: RoleSettings) {
  const { statementTimeout, idleInTransactionSessionTimeout, searchPath } = settings;
  return {
    connectionLimit,
    ...(statementTimeout !== undefined && { statementTimeout }),
    ...(idleInTransactionSessionTimeout !== undefined && { idleInTransactionSessionTimeout }),
    ...(searchPath && { searchPaths: searchPath }),
    // Its objects are restored by then; any others must stop the drop and not be reassigned silently.
    skipReassignOwned: true,
  };
}

/** Nothing changes before the baselines are saved, the budget fits and the rehearsals passed. */
function prerequisites({ server }: AppRole): pulumi.Resource[] {
  return [server.connectionBudget, ...server.baselines, ...server.rehearsals];
}

/** @param own its login; without a password it keeps, unused, the one it had before its login roles were created */
function createRole(
  parent: AppRole,
  settings: RoleSettings,
  own: { login: pulumi.Input<boolean> | undefined; password?: pulumi.Output<string> },
): Role {
  const { roleName, server } = parent;
  const isAdopted = server.roles[roleName]?.adopt === true;
  const role = new Role(
    roleName,
    {
      name: roleName,
      ...(isAdopted && previousSettings(parent)),
      ...sessionAttributes(parent, settings),
      ...own,
      ...(own.password && { password: own.password.apply(scramVerifier) }),
    },
    {
      parent,
      provider: server.postgresql,
      dependsOn: [...prerequisites(parent), ...server.createdRoles.latest],
      deleteBeforeReplace: true,
      ...(!own.password && { ignoreChanges: ["password"] }),
      ...(isAdopted
        ? // Undeclared attributes stay. RoleSettings restores the rest at the end, and the role is not dropped.
          {
            import: roleName,
            ignoreChanges: ["roles", "inherit", "validUntil", "assumeRole"],
            retainOnDelete: true,
            hooks: { beforeUpdate: [awaitRole(server, roleName)] },
          }
        : { hooks: roleHooks(server, roleName) }),
    },
  );
  server.createdRoles.add(roleName, role);
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

/** An adopted role keeps undeclared settings, which the official Role would reset. */
function previousSettings(parent: AppRole) {
  const settings = previousRole(parent).apply((previous) => readPreviousSettings(previous.settings[""] ?? []));
  return {
    statementTimeout: settings.apply(({ statementTimeout }) => statementTimeout ?? 0),
    idleInTransactionSessionTimeout: settings.apply((one) => one.idleInTransactionSessionTimeout ?? 0),
    searchPaths: settings.apply(({ searchPath }) => searchPath ?? []),
  };
}

/** The baseline of an adopted role. */
function previousRole({ roleName, server }: AppRole): pulumi.Output<pgaccess.RoleRecord> {
  return firstBaseline({ roleName, server }).snapshot.apply((snapshot) => {
    const record = parseSnapshot(snapshot).roles[roleName];
    // Baseline refuses to adopt a missing role.
    if (!record) throw new pulumi.RunError(`AppRole ${roleName}: adopt: the baseline has no record of the role`);
    return record;
  });
}

function firstBaseline({ roleName, server }: Pick<AppRole, "roleName" | "server">): pgaccess.Baseline {
  const [baseline] = server.baselines;
  if (baseline) return baseline;
  throw new pulumi.RunError(
    `AppRole ${roleName}: adopt: needs a database of the DatabaseServer, whose baseline records the role's previous state`,
  );
}

/** The official Role neither cleans up after a killed up nor limits its wait for a session. */
function roleHooks(server: DatabaseServer, role: string, memberOf?: string): pulumi.ResourceHookBinding {
  return { beforeCreate: [dropLeftover(server, role, memberOf)], beforeUpdate: [awaitRole(server, role)] };
}

function awaitRole(server: DatabaseServer, role: string): pulumi.ResourceHook {
  return new pulumi.ResourceHook(`await-role-${role}`, async () => {
    await pulumi.runtime.invoke(awaitRoleContract.token, { role }, { provider: server.pgaccess });
  });
}

/** Runs only if the state has no such role: if it exists anyway, a killed up left it. */
function dropLeftover(server: DatabaseServer, role: string, memberOf?: string): pulumi.ResourceHook {
  return new pulumi.ResourceHook(`drop-leftover-role-${role}`, async () => {
    await pulumi.runtime.invoke(dropLeftoverRoleContract.token, { role, memberOf }, { provider: server.pgaccess });
  });
}

/** @param login the login role that the settings are for; warnings about them name the role itself */
function createSettings(
  parent: AppRole,
  official: Role,
  { other }: RoleSettings,
  declared: string[],
  login?: string,
): pgaccess.RoleSettings {
  const { roleName, server, databases } = parent;
  const role = login ?? roleName;
  // Settings of the official Role, and those that null leaves unset on purpose.
  const setElsewhere = declared.map((name) => name.toLowerCase()).filter((name) => !Object.hasOwn(other, name));
  const former = server.roles[role]?.adopt
    ? pulumi
        .all([previousRole(parent), firstBaseline(parent).verifiers])
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
    // Default privileges cover future objects of the owner and of services that are not cut over yet.
    const others = [...(owner ? [owner] : []), ...server.legacyUsers].filter((creator) => creator !== role);
    const creators = [...new Set(others)];
    const before = previousPrivileges(parent, baseline);
    const declared = { role, database, access, schemas, grants: grants[database], exclusive };
    const created = creators.map((creator) => server.createdRoles.get(creator)).filter((one) => one !== undefined);
    const options = { parent, provider: server.pgaccess, dependsOn: [parent.settings, ...created] };
    const logins = parent.logins && alternateLogins(role);
    // A role that this up creates is a member of no other.
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
    return { ...given, grants: grants[database], before: previousPrivileges(parent, baseline) };
  });
}

/** The privileges in an adopted role's baseline, which are never revoked. */
function previousPrivileges({ roleName: role, server }: AppRole, baseline: pgaccess.Baseline) {
  return server.roles[role]?.adopt ? baseline.held.apply((held) => held[role] ?? []) : undefined;
}

/** After the privileges: the foreign keys of a table fail if its owner cannot use the schema. */
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
