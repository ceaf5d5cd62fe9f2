import type { BudgetEntry } from "./budget.ts";
import type { Grants } from "./grants.ts";
import { loginsOf, type Rotation } from "./login-roles.ts";
import type { Pool } from "./pool.ts";
import type { CommandSpec, ComposeSpec, ContainerSpec, Gate, Runtime, UrlFrom } from "./runtime.ts";
import type { Settings } from "./settings.ts";

/** What an app role may do in a database; owners also own its objects. */
export const accessLevels = ["owner", "writer", "reader"] as const;
export type Access = (typeof accessLevels)[number];
/** Whether a service logs in as the legacy user (the superuser it has today) or as its role: the cutover switch. */
export const connectAs = ["legacy", "role"] as const;
export type ConnectAs = (typeof connectAs)[number];
/** `unconfirmed`: nobody has looked yet, so the service stays on the legacy user (runbook, step 2). */
export type Migrates = boolean | "unconfirmed";
/** TLS to the server, as libpq names it; `prefer` and `allow` are missing because the official provider's driver has neither. */
export const sslModes = ["disable", "require", "verify-ca", "verify-full"] as const;
export type SslMode = (typeof sslModes)[number];

/** The address and login with which this stack administers the server. */
export interface Admin {
  /** Default: the server's host. */
  host: string;
  /** The server's container, whose address takes the place of `host` when the program starts. */
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
  /** Default true. False: an admin such as a cloud's, which may only do what CREATEROLE and its memberships allow. */
  superuser: boolean;
}

export interface Server {
  /** What the services dial. */
  host: string;
  /** Default 5432. */
  port: number;
  /**
   * File with the certificate of the authority that the server's is of, in PEM form, or `system`. Default PGSSLROOTCERT, else
   * ~/.postgresql/root.crt. It stands in no URL of a service.
   */
  sslrootcert?: string | undefined;
  admin: Admin;
}

export interface Database {
  /** The schemas whose objects are managed. */
  schemas: string[];
  /** The role that owns the objects in these schemas; undefined: objects stay where they are. */
  owner: string | undefined;
  /** Objects (`schema.object`, with `*` and `?` as patterns) that another role keeps. */
  keepOwner: Record<string, string>;
  /** Single objects (`schema.object`) outside the schemas that the owner owns too, such as a migration ledger. */
  alsoOwn: string[];
  /** SQL files that a rehearsal runs as the owner; paths from the project's folder. */
  rehearseSql: string[];
  /** Whether what was granted by hand to any role of the stack is taken back. */
  exclusive: boolean;
  /** What PUBLIC, and so every role of the server, loses on the database; other login roles are granted it first. */
  revokeFromPublic: PublicPrivilege[];
}

/** What PUBLIC holds on a database by default (PostgreSQL documentation, "Privileges"). */
export const publicPrivileges = ["CONNECT", "TEMPORARY"] as const;
export type PublicPrivilege = (typeof publicPrivileges)[number];

/** A role that the stack makes. */
export interface Role {
  /** CONNECTION LIMIT, from 1; with `rotation: alternate` of each of its two login roles. */
  connectionLimit: number;
  /** Whether it is on the server already and is taken over: it is put back, not dropped, at the end. Default false. */
  adopt: boolean;
  /** Default: the role logs in itself, and a rotation sets its password. */
  rotation?: Rotation | undefined;
  /** Access level by database. */
  access: Record<string, Access>;
  /** Privileges beyond the access level, by database. */
  grants: Record<string, Grants>;
  /** Whether what was granted to it by hand is taken back, in every database of its. Default false. */
  exclusive: boolean;
  /** Its own settings over the defaults. */
  settings: Settings;
}

/** A login role that is live already: counted, and changed only where `enforce` says so. */
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
  /** What runs it; default `external`: somebody else, who takes the URL from the stack's outputs. */
  runtime: Runtime;
  /** With the runtimes `container` and `swarm`. */
  container?: ContainerSpec | undefined;
  /** With the runtime `compose`. */
  compose?: ComposeSpec | undefined;
  /** With the runtime `command`. */
  command?: CommandSpec | undefined;
  /** With the runtime `swarm`: the URL as an environment variable, or as a Docker secret's file. Default `env`. */
  urlFrom: UrlFrom;
  /** What a cutover must pass; not with the runtime `external`, whose restart is somebody else's. */
  gate: Gate;
}

export interface ServiceSecrets {
  /** The URL it has today, byte for byte; undefined: not configured. */
  legacyUrl: string | undefined;
  /** Environment variables beside the URL; with the runtimes `container` and `swarm`. */
  env: Record<string, string>;
}

/** The stack as declared, complete and consistent. */
export interface Stack {
  server: Server;
  /** In clear: mark it a secret before it goes anywhere. Undefined: not configured. */
  adminPassword: string | undefined;
  /** In clear. The one that a rotation of the admin's password is about to set; undefined: none is under way. */
  pendingAdminPassword: string | undefined;
  /** The most connections that all roles together may hold. Default 95. */
  ceiling: number;
  /** Whether an up that would change something rehearses it first. Default false. */
  rehearse: boolean;
  databases: Record<string, Database>;
  roles: Record<string, Role>;
  existingRoles: Record<string, ExistingRole>;
  /** In cutover order. */
  services: Service[];
  /** By service; in clear: mark them secrets before they go anywhere. */
  serviceSecrets: Record<string, ServiceSecrets>;
  /** How many services one up may take from legacy to their role. Default 1; a first up is not counted. */
  maxCutoversPerUp: number;
  /** Whether every service is on its role for good. Default false. */
  migrationComplete: boolean;
  /** The folder of the scripts that put services back without the stack. Default: there are none. */
  rollbackKit?: string | undefined;
}

/** Roles with their CONNECTION LIMIT, by name. */
export type Limits = Record<string, Pick<Role, "connectionLimit" | "rotation">>;

/** The budget's entries: the roles that log in for the stack's, then the existing ones, each in declared order. */
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
