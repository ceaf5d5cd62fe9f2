import * as pulumi from "@pulumi/pulumi";
import { type ConnectionBudget, connectionBudget } from "../model/budget.ts";
import { roleNames } from "../model/login-roles.ts";
import { type ConnectAs, legacyUsers, type Stack } from "../model/stack.ts";
import { switches } from "../model/switches.ts";
import { declaredViolations } from "../policies/declared.ts";
import { AppRole } from "./app-role.ts";
import { DatabaseServer, type ServerDatabase } from "./database-server.ts";
import * as pgaccess from "./pgaccess.ts";
import { placeOf } from "./runtimes/service-env.ts";
import { Service } from "./service.ts";

/** What a service connects as since the last completed up. */
export interface ServiceInForce {
  database: pulumi.Output<string>;
  role: pulumi.Output<string>;
  connectAs: pulumi.Output<ConnectAs>;
  runtime: string;
}

/**
 * All resources of a declared stack, with every guard: roles wait for the budget and the baselines, one up cuts over at most
 * `maxCutoversPerUp` services, each waits for the gate of the one before it, a privilege is revoked from PUBLIC only after every
 * role has its own, and nothing is destroyed while a role is in use. Create one per program: its resources have the declared
 * names and no parent.
 *
 * @example
 * export const { databaseUrls, connectionBudget, services, roles } = new AppRolesStack(await readStack());
 */
export class AppRolesStack {
  readonly server: DatabaseServer;
  /** By name. */
  readonly appRoles: Map<string, AppRole>;
  /** In cutover order. */
  readonly appServices: Service[];
  readonly #declared: Stack;

  constructor(declared: Stack) {
    this.#declared = declared;
    const rotated = process.env[switches.rotate];
    const restoreSourceMaps = withoutSourceMaps();
    try {
      this.server = createServer(declared);
      this.appRoles = createRoles(declared, this.server, rotated);
      const publicPrivileges = createPublicPrivileges(declared, this.server, this.appRoles);
      const cutovers = this.server.first as pgaccess.Cutovers;
      this.appServices = createServices(declared, this.appRoles, cutovers, rotated);
      this.#guard([this.server, ...this.appRoles.values(), ...publicPrivileges, cutovers, ...this.appServices]);
    } finally {
      restoreSourceMaps();
    }
  }

  /** Service to its DATABASE_URL in force; secrets. */
  get databaseUrls(): Record<string, pulumi.Output<string>> {
    return Object.fromEntries(this.appServices.map(({ serviceName, databaseUrl }) => [serviceName, databaseUrl]));
  }

  /** The limits of all roles, their sum and the ceiling. */
  get connectionBudget(): pulumi.Output<Pick<ConnectionBudget, "ceiling" | "total" | "entries">> {
    const { ceiling, entries } = this.server.connectionBudget;
    // From the resource and not from the configuration, so that it is in force after a failed up too.
    return pulumi.all([ceiling, entries]).apply(([most, all]) => {
      return { ceiling: most, total: connectionBudget(most, all).total, entries: all };
    });
  }

  /** Service to what it connects as. */
  get services(): Record<string, ServiceInForce> {
    return Object.fromEntries(
      this.appServices.map(({ serviceName, runtime, inForce: { database, role, connectAs } }) => [
        serviceName,
        { database, role, connectAs, runtime },
      ]),
    );
  }

  /** Role to its limit and its databases. */
  get roles(): Record<string, { connectionLimit: pulumi.Output<number | undefined>; databases: string[] }> {
    return Object.fromEntries(
      [...this.appRoles].map(([name, { role, databases }]) => [
        name,
        { connectionLimit: role.connectionLimit, databases },
      ]),
    );
  }

  /** Depends on all resources, so that a destroy starts with it. */
  #guard(dependsOn: pulumi.Resource[]): void {
    const { roles, services } = this.#declared;
    const onRoles = services.filter(({ connectAs }) => connectAs === "role");
    const guarded = {
      roles: roleNames(roles),
      privileges: [...this.appRoles.values()].flatMap(({ given }) => given),
      services: onRoles.map(({ name, role, runtime }) => ({ name, role, deployed: runtime !== "external" })),
    };
    new pgaccess.DestroyGuard("roles", guarded, { provider: this.server.pgaccess, dependsOn });
  }
}

/**
 * Stops mapping stack traces to sources until the returned function is called. Pulumi takes a stack trace of each resource, and
 * mapping them costs more than the rest of the program; these sources need no map.
 */
function withoutSourceMaps(): () => void {
  const { prepareStackTrace } = Error;
  Reflect.deleteProperty(Error, "prepareStackTrace");
  return () => {
    if (prepareStackTrace) Error.prepareStackTrace = prepareStackTrace;
  };
}

function createServer(declared: Stack): DatabaseServer {
  const { server, adminPassword, databases, roles, existingRoles, ceiling, migrationComplete, rehearse } = declared;
  return new DatabaseServer("server", {
    ...server,
    adminPassword,
    databases,
    roles,
    existingRoles,
    ceiling,
    legacyUsers: legacyUsers(declared),
    migrationComplete,
    access: roles,
    rehearse: rehearse ? roles : undefined,
    first: (provider) => createCutovers(declared, provider),
  });
}

function createRoles({ roles }: Stack, server: DatabaseServer, rotated: string | undefined): Map<string, AppRole> {
  return new Map(
    Object.entries(roles).map(([name, { access, grants, exclusive, settings }]) => [
      name,
      new AppRole(name, { server, access, grants, exclusive, settings, rotate: name === rotated }),
    ]),
  );
}

/** After every role has its own privileges. */
function createPublicPrivileges(
  { databases, roles }: Stack,
  server: DatabaseServer,
  appRoles: Map<string, AppRole>,
): pgaccess.PublicPrivileges[] {
  return Object.entries(databases)
    .filter(([, { revokeFromPublic }]) => revokeFromPublic.length > 0)
    .map(([database, { revokeFromPublic: revoke }]) => {
      const former = (server.database(database) as ServerDatabase).baseline.snapshot;
      const inputs = { database, revoke, roles: roleNames(roles), former };
      const options = { provider: server.pgaccess, dependsOn: [...appRoles.values()] };
      return new pgaccess.PublicPrivileges(database, inputs, options);
    });
}

function createCutovers(declared: Stack, provider: pgaccess.Provider): pgaccess.Cutovers {
  const { services, maxCutoversPerUp: max } = declared;
  const refused = declaredViolations(declared).map(({ policy, path, message, isRefusedAnyway }) => ({
    by: isRefusedAnyway ? ("preview" as const) : ("policies" as const),
    reason: `${path}: ${message} (policy ${policy})`,
  }));
  const switched = services.map(({ name, connectAs }) => ({ service: name, connectAs }));
  const inputs = { services: switched, max, places: services.flatMap(placeOf), refused };
  return new pgaccess.Cutovers("services", inputs, { provider });
}

/** A service on its role waits for the gate of the previous one; services on legacy neither wait nor are awaited. */
function createServices(
  { services, serviceSecrets, rollbackKit }: Stack,
  appRoles: Map<string, AppRole>,
  cutovers: pgaccess.Cutovers,
  rotated: string | undefined,
): Service[] {
  const gated: Service[] = [];
  const created = services.map(({ name, ...service }) => {
    const role = appRoles.get(service.role) as AppRole;
    const { legacyUrl, env } = serviceSecrets[name] ?? {};
    // New logins of a rotated role fail until its service is redeployed, so none waits for another.
    const before = service.role === rotated ? [] : gated.slice(-1);
    const after = [cutovers, ...before];
    const appService = new Service(name, {
      ...service,
      role,
      legacyUrl,
      env,
      rollbackKit,
      after,
      registerAfter: cutovers,
    });
    if (appService.gate && service.connectAs === "role") gated.push(appService);
    return appService;
  });
  for (const [name, role] of appRoles) role.servedTo(created.filter((_, index) => services[index]?.role === name));
  return created;
}
