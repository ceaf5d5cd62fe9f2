import type { BudgetEntry } from "./budget.ts";
import { databaseUrlUser } from "./database-url.ts";
import type { Grants } from "./grants.ts";
import { loginsOf, type Rotation } from "./login-roles.ts";
import type { Pool } from "./pool.ts";
import type { CommandSpec, ComposeSpec, ContainerSpec, Gate, Runtime, UrlFrom } from "./runtime.ts";
import type { Settings } from "./settings.ts";

/** Access level of an app role in a database; the owner also owns its objects. */
export const accessLevels = ["owner", "writer", "reader"] as const;
export type Access = (typeof accessLevels)[number];
/** Whether a service logs in as the legacy user, usually the superuser, or as its role. */
export const connectAs = ["legacy", "role"] as const;
export type ConnectAs = (typeof connectAs)[number];
/** `unconfirmed`: not yet known, so the service stays on the legacy user (runbook, step 1). */
export type Migrates = boolean | "unconfirmed";
/** TLS to the server, as in libpq, without `prefer` and `allow`, which the official provider's driver does not support. */
export const sslModes = ["disable", "require", "verify-ca", "verify-full"] as const;
export type SslMode = (typeof sslModes)[number];

/** The address and login that this stack uses itself. */
export interface Admin {
  /** Default: the server's host. */
  host: string;
  /** The server's container, whose address replaces `host` when the program starts. */
  container?: string | undefined;
  /** Default: the server's port. */
  port: number;
  /** Default `postgres`. Also the legacy user of a service without a legacyUrl. */
  user: string;
  /** The database it connects to first. Default `postgres`. */
  database: string;
  /** Default: `disable` to this machine (loopback, a Unix socket or a container), else `require`. */
  sslmode: SslMode;
  /** That of the server. */
  sslrootcert?: string | undefined;
  /** Default true. False: a non-superuser admin, with CREATEROLE and memberships only, as in managed services. */
  superuser: boolean;
}

export interface Server {
  /** What the services connect to. */
  host: string;
  /** Default 5432. */
  port: number;
  /**
   * File with the certificate (PEM) of the authority that signed the server's, or `system`. Default PGSSLROOTCERT, else
   * ~/.postgresql/root.crt. Not part of any service's URL.
   */
  sslrootcert?: string | undefined;
  admin: Admin;
}

export interface Database {
  /** The schemas whose objects are managed. */
  schemas: string[];
  /** The role that owns the objects in these schemas. Undefined: objects keep their owners. */
  owner: string | undefined;
  /** Objects (`schema.object`, with `*` and `?` as patterns) that another role keeps. */
  keepOwner: Record<string, string>;
  /** Single objects (`schema.object`) outside the schemas that the owner also owns, such as a migration ledger. */
  alsoOwn: string[];
  /** SQL files that a rehearsal runs as the owner; paths relative to the project folder. */
  rehearseSql: string[];
  /** Whether privileges that were granted manually to roles of the stack are revoked. */
  exclusive: boolean;
  /** Revoked on the database from PUBLIC, and so from every role; other login roles are granted it first. */
  revokeFromPublic: PublicPrivilege[];
}

/** What PUBLIC holds on a database by default (PostgreSQL documentation, "Privileges"). */
export const publicPrivileges = ["CONNECT", "TEMPORARY"] as const;
export type PublicPrivilege = (typeof publicPrivileges)[number];

/** A role that the stack creates. */
export interface Role {
  /** CONNECTION LIMIT, from 1; with `rotation: alternate` for each of its two login roles. */
  connectionLimit: number;
  /** Whether an existing role is adopted: it is restored, not dropped, at the end. Default false. */
  adopt: boolean;
  /** Default: the role itself logs in, and a rotation changes its password. */
  rotation?: Rotation | undefined;
  /** Access level by database. */
  access: Record<string, Access>;
  /** Privileges beyond the access level, by database. */
  grants: Record<string, Grants>;
  /** Whether privileges that were granted to it manually are revoked, in all its databases. Default false. */
  exclusive: boolean;
  /** Its own settings over the defaults. */
  settings: Settings;
}

/** A login role that the stack did not create: counted, and changed only with `enforce`. */
export interface ExistingRole {
  connectionLimit: number;
  /** Whether the stack sets its limit and settings. */
  enforce: boolean;
  /** Only with `enforce`. */
  settings: Settings;
}

export interface Service {
  name: string;
  database: string;
  role: string;
  /** Default `legacy`. */
  connectAs: ConnectAs;
  /** The environment variable that holds the URL. Default DATABASE_URL. */
  urlKey: string;
  /** Whether it runs DDL at start. Default `unconfirmed`. */
  migrates: Migrates;
  pool: Pool;
  /** What runs it. Default `external`: you do, with the URL from the stack's outputs. */
  runtime: Runtime;
  /** With the runtimes `container` and `swarm`. */
  container?: ContainerSpec | undefined;
  /** With the runtime `compose`. */
  compose?: ComposeSpec | undefined;
  /** With the runtime `command`. */
  command?: CommandSpec | undefined;
  /** With the runtime `swarm`: the URL as an environment variable, or in a Docker secret's file. Default `env`. */
  urlFrom: UrlFrom;
  /** What it must pass after a redeploy; not with the runtime `external`, which you restart. */
  gate: Gate;
}

export interface ServiceSecrets {
  /** Its legacy URL, byte for byte. Undefined: not configured. */
  legacyUrl: string | undefined;
  /** Environment variables in addition to the URL; with the runtimes `container` and `swarm`. */
  env: Record<string, string>;
}

/** The stack as declared, complete and consistent. */
export interface Stack {
  server: Server;
  /** In clear text: mark it as a secret before you pass it on. Undefined: not configured. */
  adminPassword: string | undefined;
  /** In clear text: the next admin password during a rotation. Undefined: no rotation is in progress. */
  pendingAdminPassword: string | undefined;
  /** The highest sum of all connection limits. Default 95. */
  ceiling: number;
  /** Whether an up that would change something rehearses it first. Default false. */
  rehearse: boolean;
  databases: Record<string, Database>;
  roles: Record<string, Role>;
  existingRoles: Record<string, ExistingRole>;
  /** In cutover order. */
  services: Service[];
  /** By service; in clear text: mark them as secrets before you pass them on. */
  serviceSecrets: Record<string, ServiceSecrets>;
  /** How many services one up may cut over. Default 1; a first up does not count. */
  maxCutoversPerUp: number;
  /** Whether every service stays on its role from now on. Default false. */
  migrationComplete: boolean;
  /** The folder of the scripts that roll services back without the stack. Default: no scripts. */
  rollbackKit?: string | undefined;
}

/** Roles with their CONNECTION LIMIT, by name. */
export type Limits = Record<string, Pick<Role, "connectionLimit" | "rotation">>;

/** The budget's entries: the stack's login roles, then the existing ones, each in declared order. */
export function budgetEntries({ roles, existingRoles }: { roles: Limits; existingRoles: Limits }): BudgetEntry[] {
  return [
    ...Object.entries(roles).flatMap(([name, role]) =>
      loginsOf(name, role).map((login) => ({
        role: login,
        limit: role.connectionLimit,
        source: "declared" as const,
      })),
    ),
    ...Object.entries(existingRoles).map(([role, { connectionLimit }]) => ({
      role,
      limit: connectionLimit,
      source: "existing" as const,
    })),
  ];
}

/** The users that services on `legacy` log in as, and so create objects as; none once all are cut over. */
export function legacyUsers({ services, serviceSecrets, server }: Stack): string[] {
  const users = services
    .filter(({ connectAs }) => connectAs === "legacy")
    .map(({ name }) => {
      const url = serviceSecrets[name]?.legacyUrl;
      return (url && databaseUrlUser(url)) || server.admin.user;
    });
  return [...new Set(users)];
}
