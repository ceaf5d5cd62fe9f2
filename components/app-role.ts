import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { scramVerifier } from "../model/scram.ts";
import type { RoleSettings } from "../model/settings.ts";
import type { Access } from "../model/stack.ts";
import type { DatabaseServer } from "./database-server.ts";
import * as pgaccess from "./pgaccess.ts";

/** Access to one database. */
export interface AccessArgs {
  /** owner, writer or reader. */
  level: Access;
  /** Roles whose future objects the role gets default privileges on: app roles, or names of roles that are there. */
  creators: (AppRole | string)[];
}

export interface AppRoleArgs {
  server: DatabaseServer;
  /** CONNECTION LIMIT: the most sessions the role may hold at once, from 1. */
  connectionLimit: number;
  /** Access by database. */
  access: Record<string, AccessArgs>;
  /** Settings, split by the resource they go through. @default none */
  settings?: RoleSettings;
}

/**
 * A NOSUPERUSER login role with a connection limit, settings, privileges, ownership and a generated password.
 *
 * @example
 * new AppRole("dashboard_app", { server, connectionLimit: 8, access: { tracksolid_db: { level: "reader", creators: [owner] } } });
 */
export class AppRole extends pulumi.ComponentResource {
  readonly roleName: string;
  readonly args: AppRoleArgs;
  /** 48 hex digits; a secret. */
  readonly password: pulumi.Output<string>;
  readonly role: postgresql.Role;
  readonly settings: pgaccess.RoleSettings;
  readonly privileges: pgaccess.Privileges[];
  /** Of the databases it owns. */
  readonly ownerships: pgaccess.Ownership[];

  constructor(name: string, args: AppRoleArgs, opts?: pulumi.ComponentResourceOptions) {
    super("app-roles:index:AppRole", name, {}, opts);
    this.roleName = name;
    this.args = args;
    this.password = createPassword(this);
    this.role = createRole(this);
    this.settings = createSettings(this);
    this.privileges = createPrivileges(this);
    this.ownerships = createOwnerships(this);
    this.registerOutputs();
  }

  /** All that must be in place before a service may use the role. */
  get ready(): pulumi.Resource[] {
    return [this.role, this.settings, ...this.privileges, ...this.ownerships];
  }
}

/** What the runbook makes with `openssl rand -hex 24`. */
function createPassword(parent: AppRole): pulumi.Output<string> {
  return pulumi.secret(new random.RandomBytes(parent.roleName, { length: 24 }, { parent }).hex);
}

function createRole(parent: AppRole): postgresql.Role {
  const { server, connectionLimit, settings } = parent.args;
  const { statementTimeout, idleInTransactionSessionTimeout, searchPath } = settings?.role ?? {};
  return new postgresql.Role(
    parent.roleName,
    {
      name: parent.roleName,
      login: true,
      connectionLimit,
      password: parent.password.apply(scramVerifier),
      ...(statementTimeout !== undefined && { statementTimeout }),
      ...(idleInTransactionSessionTimeout !== undefined && { idleInTransactionSessionTimeout }),
      ...(searchPath && { searchPaths: searchPath }),
      // What it owns has gone back by then; anything left must stop the drop, not be reassigned behind its back.
      skipReassignOwned: true,
    },
    {
      parent,
      provider: server.postgresql,
      // Nothing is changed before what was there is saved and the budget holds.
      dependsOn: [server.connectionBudget, ...Object.values(server.baselines)],
      deleteBeforeReplace: true,
    },
  );
}

function createSettings(parent: AppRole): pgaccess.RoleSettings {
  const settings = parent.args.settings?.other ?? {};
  const options = { parent, provider: parent.args.server.pgaccess, dependsOn: [parent.role] };
  return new pgaccess.RoleSettings(parent.roleName, { role: parent.roleName, settings }, options);
}

function createPrivileges(parent: AppRole): pgaccess.Privileges[] {
  const { server, access } = parent.args;
  return Object.entries(access).map(([database, { level, creators }]) => {
    const others = creators.filter((creator) => creator instanceof AppRole && creator !== parent) as AppRole[];
    const args = {
      role: parent.roleName,
      database,
      access: level,
      schemas: server.database(database).schemas,
      creators: creators.map((creator) => (creator instanceof AppRole ? creator.roleName : creator)),
    };
    const dependsOn = [parent.settings, ...others.map((other) => other.role)];
    const options = { parent, provider: server.pgaccess, dependsOn };
    return new pgaccess.Privileges(`${parent.roleName}.${database}`, args, options);
  });
}

/** After the privileges: whoever owns a table must be able to use its schema, or its foreign keys fail. */
function createOwnerships(parent: AppRole): pgaccess.Ownership[] {
  const { server, access } = parent.args;
  const owned = Object.keys(access).filter((database) => access[database]?.level === "owner");
  return owned.map((database) => {
    const { schemas, keepOwner, alsoOwn } = server.database(database);
    const former = server.baseline(database).snapshot;
    const args = { database, owner: parent.roleName, schemas, keepOwner, alsoOwn, roles: server.args.roles, former };
    const options = { parent, provider: server.pgaccess, dependsOn: parent.privileges };
    return new pgaccess.Ownership(database, args, options);
  });
}
