import * as pulumi from "@pulumi/pulumi";
import { dockerHost } from "../config/read-program-stack.ts";
import { cutoverProblem } from "../model/cutover.ts";
import { roleUrl } from "../model/database-url.ts";
import { completePool, type Pool } from "../model/pool.ts";
import {
  type CommandSpec,
  type ComposeSpec,
  type ContainerSpec,
  defaultGate,
  type Gate,
  isDeployed,
  type Runtime,
  type UrlFrom,
} from "../model/runtime.ts";
import type { ConnectAs, Migrates } from "../model/stack.ts";
import type { AppRole } from "./app-role.ts";
import * as pgaccess from "./pgaccess.ts";
import { deploy } from "./runtimes/deploy.ts";
import type { Deploy, Deployment } from "./runtimes/deployment.ts";
import { legacyUrl } from "./runtimes/legacy-url.ts";

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
   * @default { max: 4, replicas: 1, surge: 0 }, with the runtime `swarm` a surge of 1
   * @example { max: 10 }
   */
  pool?: Partial<Pool> | undefined;
  /**
   * The URL it has today, kept byte for byte; becomes a secret.
   *
   * @default found where compose or the command keeps it, else made from the server's address and the admin's login
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
  /**
   * What is registered before anything of it, on `legacy` too, without its depending on it: what names every problem of the
   * program, since the engine stops at the first one it comes to.
   *
   * @default nothing
   * @example order
   */
  registerAfter?: pulumi.Resource | undefined;
  /**
   * The environment variable that holds the URL.
   *
   * @default "DATABASE_URL"
   */
  urlKey?: string | undefined;
  /**
   * With the runtimes `container` and `swarm`: the container, in compose's terms, with every key that parseStack gives it.
   *
   * @example parseStack(config).services[0].container
   */
  container?: ContainerSpec | undefined;
  /**
   * With the runtimes `container` and `swarm`: secret environment variables beside the URL.
   *
   * @default none
   * @example { STRIPE_KEY: config.requireSecret("stripeKey") }
   */
  env?: Record<string, pulumi.Input<string>> | undefined;
  /**
   * With the runtime `swarm`: the URL as an environment variable, or as a Docker secret's file, which the variable with
   * `_FILE` names.
   *
   * @default "env"
   */
  urlFrom?: UrlFrom | undefined;
  /**
   * With the runtime `compose`: the service's place in a compose project, and the env file whose line is changed. Paths
   * from the Pulumi project's folder.
   *
   * @example { files: ["/srv/shop/docker-compose.yml"], service: "api", envFile: "/srv/shop/api.env" }
   */
  compose?: ComposeSpec | undefined;
  /**
   * With the runtime `command`: the executable that reads and writes the URL and deploys the service.
   *
   * @example { path: "./deploy/coolify.sh", args: [] }
   */
  command?: CommandSpec | undefined;
  /**
   * With any runtime but `external`: a folder for a script that puts it back on the legacy URL without Pulumi, its
   * state or its passphrase. It is there before the service is put on its role.
   *
   * @default none
   * @example "/root/rollback"
   */
  rollbackKit?: string | undefined;
  /**
   * How long it is watched after a redeploy on its role, in milliseconds, and for what beside the built-in log patterns; not
   * with the runtime `external`.
   *
   * @default { timeout: 60_000, soak: 300_000, patterns: [], ignore: [] }
   * @example { soak: 600_000, ignore: ["permission denied for /tmp"] }
   */
  gate?: Partial<Gate> | undefined;
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
  readonly connectAs: ConnectAs;
  readonly runtime: Runtime;
  /** What is in force after the last up that completed: service, database, role, connectAs and the URL. */
  readonly inForce: pgaccess.ServiceUrl | pgaccess.CutoverGate;
  /** The DATABASE_URL in force; a secret. */
  readonly databaseUrl: pulumi.Output<string>;
  /** Undefined: it is started by somebody else. */
  readonly deployment: Deployment | undefined;
  /** What it must pass on its role; undefined: nobody knows when it is restarted. */
  readonly gate: pgaccess.CutoverGate | undefined;

  constructor(name: string, args: ServiceArgs, opts?: pulumi.ComponentResourceOptions) {
    super("app-roles:index:Service", name, {}, opts);
    const { role, database, connectAs = "legacy", migrates = "unconfirmed" } = args;
    const declared = { role: role.roleName, database, connectAs, migrates };
    refuseProblem(name, declared, role);
    this.serviceName = name;
    this.connectAs = connectAs;
    this.runtime = args.runtime ?? "external";
    const legacy = findLegacyUrl(this, { ...args, connectAs });
    const url = createUrl(this, { ...args, connectAs }, legacy);
    const former = role.server.migrationComplete ? undefined : legacy;
    this.deployment = createDeployment(this, { ...args, connectAs }, { url: url.url, legacyUrl: former });
    this.gate = createGate(this, { ...args, connectAs }, url.url);
    this.inForce = this.gate ?? url;
    this.databaseUrl = this.inForce.url;
    const pool = completePool(args);
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

const defaultUrlKey = "DATABASE_URL";

function findLegacyUrl(parent: Service, args: ServiceArgs & { connectAs: ConnectAs }): pulumi.Output<string> {
  const { role, database, connectAs, urlKey = defaultUrlKey, legacyUrl: given, registerAfter } = args;
  const declared = {
    server: role.server,
    service: parent.serviceName,
    database,
    connectAs,
    urlKey,
    given,
    registerAfter,
  };
  return legacyUrl({ ...declared, parent }, { ...args, runtime: parent.runtime });
}

function createUrl(
  parent: Service,
  { role, database, connectAs, after = [] }: ServiceArgs & { connectAs: ConnectAs },
  legacy: pulumi.Output<string>,
): pgaccess.ServiceUrl {
  const service = parent.serviceName;
  const own = pulumi
    .all([legacy, role.login, role.password])
    .apply(([url, login, password]) => roleUrl(url, login, password));
  const isRole = connectAs === "role";
  const inputs = {
    service,
    database,
    connectAs,
    role: role.roleName,
    login: isRole ? role.logins?.login : undefined,
    password: isRole ? role.password : undefined,
    url: pulumi.secret(isRole ? own : legacy),
    isDeployed: isDeployed(parent.runtime) || undefined,
  };
  // The legacy URL depends on nothing, so that the way back never waits for anything.
  const dependsOn = isRole ? role.ready.apply((ready) => [...ready, ...after]) : [];
  return new pgaccess.ServiceUrl(service, inputs, { parent, provider: role.server.pgaccess, dependsOn });
}

function secretsOf(env: Record<string, pulumi.Input<string>>): Record<string, pulumi.Output<string>> {
  return Object.fromEntries(Object.entries(env).map(([key, value]) => [key, pulumi.secret(value)]));
}

function createDeployment(
  parent: Service,
  args: ServiceArgs & { connectAs: ConnectAs },
  urls: Pick<Deploy, "url" | "legacyUrl">,
): Deployment | undefined {
  const { role, connectAs, urlKey = defaultUrlKey, rollbackKit, env = {} } = args;
  const { serviceName: service, runtime } = parent;
  const declared = { service, role: role.roleName, connectAs, urlKey, ...urls, rollbackKit, env: secretsOf(env) };
  return deploy({ ...args, runtime }, { ...declared, parent, provider: role.server.pgaccess });
}

function createGate(
  parent: Service,
  { role, database, connectAs, migrates, gate }: ServiceArgs & { connectAs: ConnectAs },
  url: pulumi.Output<string>,
): pgaccess.CutoverGate | undefined {
  const { serviceName: service, deployment } = parent;
  if (!deployment) return undefined;
  const { id, labels, deployedAt, resources } = deployment;
  const login = connectAs === "role" ? role.logins?.login : undefined;
  const declared = { service, database, role: role.roleName, login, connectAs, migrates: migrates === true };
  const found = { deployment: id, labels, deployedAt, dockerHost: dockerHost() };
  return new pgaccess.CutoverGate(
    service,
    { ...declared, url, ...found, gate: { ...defaultGate, ...gate } },
    { parent, provider: role.server.pgaccess, dependsOn: resources },
  );
}
