import * as pulumi from "@pulumi/pulumi";
import type { BudgetEntry } from "../model/budget.ts";
import type { Grants } from "../model/grants.ts";
import type { RehearsedRole } from "../model/rehearsal.ts";
import type { Gate } from "../model/runtime.ts";
import type { Access, ConnectAs, PublicPrivilege } from "../model/stack.ts";
import type { DockerCreate } from "./runtimes/docker-create.ts";

/** Where and as whom the plugin logs in. */
export interface ProviderArgs {
  host: pulumi.Input<string>;
  port: pulumi.Input<number>;
  user: pulumi.Input<string>;
  password: pulumi.Input<string> | undefined;
  database: pulumi.Input<string>;
  /** disable, require, verify-ca or verify-full. */
  sslmode: pulumi.Input<string>;
  /** File of the authority's certificate (PEM). Default PGSSLROOTCERT, else ~/.postgresql/root.crt. */
  sslrootcert?: pulumi.Input<string> | undefined;
}

/** The resource plugin `pgaccess` on one server. */
export class Provider extends pulumi.ProviderResource {
  constructor(name: string, args: ProviderArgs, opts?: pulumi.ResourceOptions) {
    const port = pulumi.output(args.port).apply(String);
    const password = args.password === undefined ? undefined : pulumi.secret(args.password);
    super("pgaccess", name, { ...args, port, password }, opts);
  }
}

/** What the stack declares about one database: what the warnings about the state after the up are judged by. */
export interface DeclaredAccess {
  schemas: string[];
  owner: string | undefined;
  keepOwner: Record<string, string>;
  alsoOwn: string[];
  /** `{}` for a role without access to it. */
  roles: Record<string, { access?: Access | undefined; grants?: Grants | undefined }>;
}

/** What a role was like before, as far as a program reads it. */
export interface RoleRecord {
  /** `name=value` by database; the empty name for all databases. */
  settings: Record<string, string[]>;
}

/** What was there in one database before the stack changed anything; saved before the first change. */
export class Baseline extends pulumi.CustomResource {
  /** Former owners, privileges, default privileges, settings and limits; other resources restore from it. */
  declare readonly snapshot: pulumi.Output<{
    roles: Record<string, RoleRecord | null>;
    existingRoles: Record<string, RoleRecord | null>;
  }>;
  /** What adopted roles held by name, by role. */
  declare readonly held: pulumi.Output<Record<string, object[]>>;
  /** Password verifiers of adopted roles; a secret. */
  declare readonly verifiers: pulumi.Output<Record<string, string | null>>;
  constructor(
    name: string,
    args: {
      database: string;
      schemas: string[];
      keepOwner: Record<string, string>;
      alsoOwn: string[];
      roles: string[];
      adopt: string[];
      existingRoles: string[];
      legacyUsers: string[];
      declared: DeclaredAccess | undefined;
    },
    opts?: pulumi.CustomResourceOptions,
  ) {
    super(
      "pgaccess:index:Baseline",
      name,
      { ...args, snapshot: undefined, held: undefined, verifiers: undefined },
      opts,
    );
  }
}

/** The declared budget against the live server; every role depends on it. */
export class ConnectionBudget extends pulumi.CustomResource {
  declare readonly ceiling: pulumi.Output<number>;
  declare readonly entries: pulumi.Output<BudgetEntry[]>;
  constructor(
    name: string,
    args: {
      ceiling: number;
      entries: BudgetEntry[];
      assumed: string[];
      enforced: string[];
      databases: string[];
      access: Record<string, string[]> | undefined;
      closed: string[] | undefined;
      legacyUsers: string[];
      superuser: boolean;
      migrationComplete: true | undefined;
    },
    opts?: pulumi.CustomResourceOptions,
  ) {
    super(
      "pgaccess:index:ConnectionBudget",
      name,
      { ...args, undeclared: undefined, unlimited: undefined, superusers: undefined },
      opts,
    );
  }
}

/** Limit and settings of a login role that is none of the stack's. */
export class ExistingRole extends pulumi.CustomResource {
  constructor(
    name: string,
    args: {
      role: string;
      connectionLimit: number;
      settings: Record<string, string>;
      former: pulumi.Input<object | null>;
    },
    opts?: pulumi.CustomResourceOptions,
  ) {
    super("pgaccess:index:ExistingRole", name, args, opts);
  }
}

/** Which of a role's two login roles is in force. */
export class LoginTurn extends pulumi.CustomResource {
  /** The login role that services are given. */
  declare readonly inForce: pulumi.Output<string>;
  /** The one before; empty until the first rotation. */
  declare readonly former: pulumi.Output<string>;
  /** Whether the role still logs in itself, as it did before it had the two. */
  declare readonly keepsLogin: pulumi.Output<boolean>;
  constructor(
    name: string,
    args: { role: string; logins: [string, string]; rotate: true | undefined },
    opts?: pulumi.CustomResourceOptions,
  ) {
    const decided = { turn: undefined, inForce: undefined, former: undefined, keepsLogin: undefined };
    super("pgaccess:index:LoginTurn", name, { ...args, ...decided }, opts);
  }
}

/** Settings of a role that the official Role does not know. */
export class RoleSettings extends pulumi.CustomResource {
  constructor(
    name: string,
    args: {
      role: string;
      settings: Record<string, string>;
      former: pulumi.Input<object> | undefined;
      setElsewhere: string[];
      usedIn: string[];
      legacyUsers: string[];
    },
    opts?: pulumi.CustomResourceOptions,
  ) {
    super("pgaccess:index:RoleSettings", name, args, opts);
  }
}

/** What a role may do in one database, now and with objects made later. */
export class Privileges extends pulumi.CustomResource {
  constructor(
    name: string,
    args: {
      role: string;
      database: string;
      access: Access | undefined;
      schemas: string[];
      grants: Grants | undefined;
      exclusive: true | undefined;
      creators: string[];
      before: pulumi.Input<object[]> | undefined;
      legacyUsers: string[];
      logins: string[] | undefined;
      declared: DeclaredAccess | undefined;
    },
    opts?: pulumi.CustomResourceOptions,
  ) {
    super("pgaccess:index:Privileges", name, args, opts);
  }
}

/** How a database would take an up, tried out before anything is changed. */
export class Rehearsal extends pulumi.CustomResource {
  constructor(
    name: string,
    args: {
      database: string;
      schemas: string[];
      owner: string | undefined;
      keepOwner: Record<string, string>;
      alsoOwn: string[];
      roles: RehearsedRole[];
      files: string[];
    },
    opts?: pulumi.CustomResourceOptions,
  ) {
    super("pgaccess:index:Rehearsal", name, { ...args, digests: undefined }, opts);
  }
}

/** Who owns the objects in a database's schemas. */
export class Ownership extends pulumi.CustomResource {
  constructor(
    name: string,
    args: {
      database: string;
      owner: string;
      schemas: string[];
      keepOwner: Record<string, string>;
      alsoOwn: string[];
      roles: string[];
      former: pulumi.Input<object>;
      legacyUsers: string[];
      declared: DeclaredAccess | undefined;
    },
    opts?: pulumi.CustomResourceOptions,
  ) {
    super("pgaccess:index:Ownership", name, args, opts);
  }
}

/**
 * Keeps one up from cutting over more than `max` services; each service takes it in `after`.
 *
 * @example
 * const order = new pgaccess.Cutovers("order", { services: [{ service: "api", connectAs: "role" }], max: 1 }, { provider: server.pgaccess });
 * const api = new Service("api", { role: reader, database: "shop", connectAs: "role", migrates: false, after: [order] });
 */
export class Cutovers extends pulumi.CustomResource {
  constructor(
    name: string,
    args: {
      services: { service: string; connectAs: ConnectAs }[];
      max: number;
      places?: (EnvSource & { service: string; urlKey: string; dockerHost: pulumi.Input<string> | undefined })[];
    },
    opts?: pulumi.CustomResourceOptions,
  ) {
    super("pgaccess:index:Cutovers", name, args, opts);
  }
}

/** The DATABASE_URL in force for a service. */
export class ServiceUrl extends pulumi.CustomResource {
  declare readonly url: pulumi.Output<string>;
  declare readonly database: pulumi.Output<string>;
  declare readonly role: pulumi.Output<string>;
  declare readonly connectAs: pulumi.Output<ConnectAs>;
  constructor(
    name: string,
    args: {
      service: string;
      database: string;
      connectAs: ConnectAs;
      role: string;
      login: pulumi.Input<string> | undefined;
      password: pulumi.Input<string> | undefined;
      url: pulumi.Input<string>;
      isDeployed: boolean | undefined;
    },
    opts?: pulumi.CustomResourceOptions,
  ) {
    super("pgaccess:index:ServiceUrl", name, args, { ...opts, additionalSecretOutputs: ["url", "password"] });
  }
}

/** A service watched after each redeploy on its role; its outputs are what is in force once that went well. */
export class CutoverGate extends pulumi.CustomResource {
  declare readonly url: pulumi.Output<string>;
  declare readonly database: pulumi.Output<string>;
  declare readonly role: pulumi.Output<string>;
  declare readonly connectAs: pulumi.Output<ConnectAs>;
  constructor(
    name: string,
    args: {
      service: string;
      database: string;
      role: string;
      login: pulumi.Input<string> | undefined;
      connectAs: ConnectAs;
      migrates: boolean;
      url: pulumi.Input<string>;
      deployment: pulumi.Input<string>;
      labels: pulumi.Input<Record<string, pulumi.Input<string>>> | undefined;
      deployedAt: pulumi.Input<number | null> | undefined;
      dockerHost: string | undefined;
      gate: Gate;
    },
    opts?: pulumi.CustomResourceOptions,
  ) {
    super("pgaccess:index:CutoverGate", name, args, { ...opts, additionalSecretOutputs: ["url"] });
  }
}

/**
 * Takes from PUBLIC what every role of the server may do with a database, after granting it to every other login role that has
 * it from PUBLIC alone. It must depend on the AppRoles, whose own privileges are there before.
 *
 * @example
 * new pgaccess.PublicPrivileges("shop", { database: "shop", revoke: ["CONNECT"], roles: ["shop_owner"], former: server.baselines[0].snapshot }, { provider: server.pgaccess, dependsOn: [owner] });
 */
export class PublicPrivileges extends pulumi.CustomResource {
  constructor(
    name: string,
    args: { database: string; revoke: PublicPrivilege[]; roles: string[]; former: Baseline["snapshot"] },
    opts?: pulumi.CustomResourceOptions,
  ) {
    super("pgaccess:index:PublicPrivileges", name, args, opts);
  }
}

/** A service that connects as a role of the stack. */
export interface GuardedService {
  name: string;
  role: string;
  /** Whether the stack itself hands the service its URL: any runtime but `external`. */
  deployed: boolean;
}

/** What one role was given in one database, as its `Privileges` have it. */
export interface GuardedPrivileges {
  role: string;
  database: string;
  access?: Access | undefined;
  schemas: string[];
  grants?: Grants | undefined;
  /** What an adopted role held before. */
  before?: pulumi.Input<object[]> | undefined;
}

/**
 * Keeps the stack from being destroyed, and a role from being taken out of it, while the role has sessions or a deployed
 * service: it must depend on everything else, so that it goes first and changes last.
 *
 * @example
 * new pgaccess.DestroyGuard("guard", { roles: ["shop_owner"] }, { provider: server.pgaccess, dependsOn: [server, owner, api] });
 */
export class DestroyGuard extends pulumi.CustomResource {
  constructor(
    name: string,
    args: {
      roles: string[];
      /** @default none */
      services?: GuardedService[];
      /**
       * What the roles were given, which cannot be taken back while others hold it from them.
       *
       * @default none
       */
      privileges?: pulumi.Input<pulumi.Input<GuardedPrivileges>[]>;
    },
    opts?: pulumi.CustomResourceOptions,
  ) {
    super("pgaccess:index:DestroyGuard", name, args, opts);
  }
}

/** Where a service's environment variable is kept: in one of these. */
export interface EnvSource {
  container?: string | undefined;
  compose?: { files: string[]; project: string | undefined; service: string; envFile: string } | undefined;
  command?: { path: string; args: string[] } | undefined;
}

/** The name of a service's container: free, before the container is made. */
export class ContainerName extends pulumi.CustomResource {
  constructor(
    name: string,
    args: {
      service: string;
      name: string;
      stack: string;
      existing: "refuse" | "replace";
      migrationComplete: true | undefined;
      dockerHost: string | undefined;
    },
    opts?: pulumi.CustomResourceOptions,
  ) {
    super("pgaccess:index:ContainerName", name, args, opts);
  }
}

/** The DATABASE_URL that a service had before the stack. */
export class LegacyUrl extends pulumi.CustomResource {
  declare readonly url: pulumi.Output<string>;
  constructor(
    name: string,
    args: EnvSource & {
      service: string;
      urlKey: string;
      database: string;
      connectAs: ConnectAs;
      given: pulumi.Input<string> | undefined;
      made: pulumi.Input<string>;
      roles: string[];
      legacyUsers: string[];
      migrationComplete: true | undefined;
      dockerHost: string | undefined;
    },
    opts?: pulumi.CustomResourceOptions,
  ) {
    const secrets = ["url", "given", "made"];
    super(
      "pgaccess:index:LegacyUrl",
      name,
      { ...args, url: undefined, hasLogin: undefined, isMade: undefined },
      { ...opts, additionalSecretOutputs: secrets },
    );
  }
}

/** What a service is put back by, without the stack: in one of these. */
export interface RollbackSource extends Omit<EnvSource, "container"> {
  container?: { name: string; create: DockerCreate; networks: Record<string, string[]> } | undefined;
  /** Of a container: its environment but for the URL. */
  env?: pulumi.Output<Record<string, string>> | undefined;
  swarm?: { name: string; urlFrom: "env" | "file" } | undefined;
}

/** How a service is put back on its legacy URL: kept in the state, and with a folder as a script beside it. */
export class RollbackScript extends pulumi.CustomResource {
  constructor(
    name: string,
    args: RollbackSource & {
      service: string;
      stack: string;
      urlKey: string;
      folder: string | undefined;
      legacyUrl: pulumi.Input<string>;
      dockerHost: string | undefined;
    },
    opts?: pulumi.CustomResourceOptions,
  ) {
    super("pgaccess:index:RollbackScript", name, args, {
      ...opts,
      additionalSecretOutputs: ["legacyUrl", "env"],
    });
  }
}

/** A service's DATABASE_URL where compose or the user's command keeps it, and its restart. */
export class ServiceEnv extends pulumi.CustomResource {
  /** Counts the redeploys. */
  declare readonly deployments: pulumi.Output<number>;
  /** Milliseconds since 1970; null while it was never redeployed. */
  declare readonly deployedAt: pulumi.Output<number | null>;
  /** The compose project; null with a command. */
  declare readonly project: pulumi.Output<string | null>;
  constructor(
    name: string,
    args: Omit<EnvSource, "container"> & {
      service: string;
      urlKey: string;
      connectAs: ConnectAs;
      role: string;
      url: pulumi.Input<string>;
      legacyUrl: pulumi.Input<string> | undefined;
      dockerHost: string | undefined;
    },
    opts?: pulumi.CustomResourceOptions,
  ) {
    const secrets = ["url", "legacyUrl"];
    super(
      "pgaccess:index:ServiceEnv",
      name,
      { ...args, deployments: undefined, deployedAt: undefined, project: undefined },
      { ...opts, additionalSecretOutputs: secrets },
    );
  }
}
