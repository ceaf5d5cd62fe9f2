import * as pulumi from "@pulumi/pulumi";
import { makeDatabaseUrl, roleUrl } from "../model/database-url.ts";
import type * as model from "../model/stack.ts";
import type { AppRole } from "./app-role.ts";
import type { DatabaseServer } from "./database-server.ts";
import * as pgaccess from "./pgaccess.ts";

export interface ServiceArgs {
  server: DatabaseServer;
  /** The role it connects as once it is cut over. */
  role: AppRole;
  service: model.Service;
  /** The URL it has today, kept byte for byte. @default made from the server and the admin's login */
  legacyUrl?: pulumi.Input<string> | undefined;
  /** Resources that must be in place before it is pointed at its role, besides the role's own. @default none */
  after?: pulumi.Resource[];
}

/**
 * A service and the DATABASE_URL it is given: the legacy one, or its role's once that is ready.
 *
 * @example
 * new Service("dashboard_api", { server, role: dashboardApp, service: stack.services[0] });
 */
export class Service extends pulumi.ComponentResource {
  readonly args: ServiceArgs;
  /** What is in force after the last up that completed. */
  readonly inForce: pgaccess.ServiceUrl;

  constructor(name: string, args: ServiceArgs, opts?: pulumi.ComponentResourceOptions) {
    super("app-roles:index:Service", name, {}, opts);
    this.args = args;
    this.inForce = createUrl(this, name);
    const { database, connectAs, migrates, pool, runtime } = args.service;
    this.registerOutputs({
      service: name,
      database,
      role: args.role.roleName,
      connectAs,
      migrates,
      pool: { ...pool },
      runtime,
    });
  }
}

function createUrl(parent: Service, name: string): pgaccess.ServiceUrl {
  const { server, role, service, after } = parent.args;
  const { database, connectAs } = service;
  const legacy = legacyUrl(parent.args);
  const own = pulumi.all([legacy, role.password]).apply(([url, password]) => roleUrl(url, role.roleName, password));
  const isRole = connectAs === "role";
  const args = {
    service: name,
    database,
    connectAs,
    role: role.roleName,
    password: isRole ? role.password : undefined,
    url: pulumi.secret(isRole ? own : legacy),
  };
  // The legacy URL depends on nothing, so that the way back never waits for anything.
  const dependsOn = isRole ? [...role.ready, ...(after ?? [])] : [];
  return new pgaccess.ServiceUrl(name, args, { parent, provider: server.pgaccess, dependsOn });
}

function legacyUrl({ server, service, legacyUrl }: ServiceArgs): pulumi.Output<string> {
  if (legacyUrl !== undefined) return pulumi.secret(legacyUrl);
  const { host, port, admin } = server.args.server;
  return pulumi
    .secret(server.args.adminPassword)
    .apply((password) => makeDatabaseUrl({ host, port, user: admin.user, password, database: service.database }));
}
