import * as pulumi from "@pulumi/pulumi";
import { cutoverProblem } from "../model/cutover.ts";
import { makeDatabaseUrl, roleUrl } from "../model/database-url.ts";
import { defaultPool, type Pool } from "../model/pool.ts";
import type { Runtime } from "../model/runtime.ts";
import type { ConnectAs, Migrates } from "../model/stack.ts";
import type { AppRole } from "./app-role.ts";
import * as pgaccess from "./pgaccess.ts";

export interface ServiceArgs {
  /** The role it connects as once it is cut over; several services may share one. */
  role: AppRole;
  /** The database it uses; its role must have access there. */
  database: string;
  /**
   * The cutover switch, and the way back: `legacy` hands out the URL it has today, `role` its role's.
   *
   * @default "legacy"
   */
  connectAs?: ConnectAs | undefined;
  /**
   * Whether it runs DDL at start; then its role must be the owner. `unconfirmed` may not be cut over.
   *
   * @default "unconfirmed"
   */
  migrates?: Migrates | undefined;
  /**
   * Its connection pool: max of one replica, replicas, and replicas that a deploy starts on top. The policy pack adds up
   * the pools of a role's services against its connection limit.
   *
   * @default { max: 4, replicas: 1, surge: 0 }
   * @example { max: 10 }
   */
  pool?: Partial<Pool> | undefined;
  /**
   * The URL it has today, kept byte for byte; becomes a secret.
   *
   * @default made from the server's address and the admin's login
   * @example config.requireSecret("apiLegacyUrl")
   */
  legacyUrl?: pulumi.Input<string> | undefined;
  /**
   * What runs it, and so how the URL reaches it: `external` is handed out only; `container` and `swarm` need `container`,
   * `compose` needs `compose`, `command` needs `command`.
   *
   * @default "external"
   */
  runtime?: Runtime | undefined;
  /**
   * What must have gone well before it is put on its role, such as the service that is cut over before it; the way back to
   * `legacy` waits for none of it.
   *
   * @default nothing
   * @example [firstService]
   */
  after?: pulumi.Resource[] | undefined;
}

/**
 * A service and the DATABASE_URL it is given: the legacy one, or its role's once that is ready.
 *
 * @example
 * const api = new Service("shop_api", { role: reader, database: "shop", connectAs: "role", migrates: false });
 * export const apiUrl = api.databaseUrl;
 */
export class Service extends pulumi.ComponentResource {
  readonly serviceName: string;
  readonly runtime: Runtime;
  /** What is in force after the last up that completed: service, database, role, connectAs and the URL. */
  readonly inForce: pgaccess.ServiceUrl;
  /** The DATABASE_URL in force; a secret. */
  readonly databaseUrl: pulumi.Output<string>;

  constructor(name: string, args: ServiceArgs, opts?: pulumi.ComponentResourceOptions) {
    super("app-roles:index:Service", name, {}, opts);
    const { role, database, connectAs = "legacy", migrates = "unconfirmed" } = args;
    const declared = { role: role.roleName, database, connectAs, migrates };
    refuseProblem(name, declared, role);
    refuseRuntime(name, args.runtime);
    this.serviceName = name;
    this.runtime = args.runtime ?? "external";
    this.inForce = createUrl(this, { ...args, connectAs });
    this.databaseUrl = this.inForce.url;
    const pool = { ...defaultPool, ...args.pool };
    this.registerOutputs({ service: name, ...declared, pool, runtime: this.runtime });
  }
}

function refuseProblem(
  name: string,
  declared: { role: string; database: string; connectAs: ConnectAs; migrates: Migrates },
  role: AppRole,
): void {
  const { database } = declared;
  if (!role.databases.includes(database)) {
    throw new pulumi.RunError(
      `Service ${name}: its role ${role.roleName} has no access to ${database}; add it to the access of ${role.roleName}`,
    );
  }
  const problem = cutoverProblem(declared, role.server.database(database));
  if (problem) throw new pulumi.RunError(`Service ${name}: ${problem.key}: ${problem.message}`);
}

function refuseRuntime(name: string, runtime: Runtime = "external"): void {
  if (runtime === "external") return;
  throw new pulumi.RunError(`Service ${name}: runtime: ${runtime} is not yet supported; write external`);
}

function createUrl(parent: Service, args: ServiceArgs & { connectAs: ConnectAs }): pgaccess.ServiceUrl {
  const { role, database, connectAs } = args;
  const service = parent.serviceName;
  const legacy = legacyUrl(args);
  const own = pulumi.all([legacy, role.password]).apply(([url, password]) => roleUrl(url, role.roleName, password));
  const isRole = connectAs === "role";
  const inputs = {
    service,
    database,
    connectAs,
    role: role.roleName,
    password: isRole ? role.password : undefined,
    url: pulumi.secret(isRole ? own : legacy),
  };
  // The legacy URL depends on nothing, so that the way back never waits for anything.
  const dependsOn = isRole ? [...role.ready, ...(args.after ?? [])] : [];
  return new pgaccess.ServiceUrl(service, inputs, { parent, provider: role.server.pgaccess, dependsOn });
}

function legacyUrl({ role: { server }, database, legacyUrl }: ServiceArgs): pulumi.Output<string> {
  if (legacyUrl !== undefined) return pulumi.secret(legacyUrl);
  const { host, port, admin } = server.address;
  return pulumi
    .secret(server.adminPassword)
    .apply((password) => makeDatabaseUrl({ host, port, user: admin.user, password, database }));
}
