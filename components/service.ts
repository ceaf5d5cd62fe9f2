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
  /** The role it connects as after its cutover; several services may share one. */
  role: AppRole;
  /** The database it uses; its role must have access there. */
  database: string;
  /**
   * `role` cuts the service over to its role's URL, `legacy` rolls it back to its legacy URL.
   *
   * @default "legacy"
   */
  connectAs?: ConnectAs | undefined;
  /**
   * Whether it runs DDL at start; then its role must be the owner. An `unconfirmed` service cannot be cut over.
   *
   * @default "unconfirmed"
   */
  migrates?: Migrates | undefined;
  /**
   * Its connection pool: max of one replica, replicas, and replicas that a deploy starts in addition. The policy pack compares
   * the pools of a role's services with its connection limit.
   *
   * @default { max: 4, replicas: 1, surge: 0 }, with the runtime `swarm` a surge of 1
   * @example { max: 10 }
   */
  pool?: Partial<Pool> | undefined;
  /**
   * Its legacy URL, kept byte for byte; becomes a secret.
   *
   * @default found where compose or the command keeps it, else derived from the server's address and the admin's login
   * @example config.requireSecret("apiLegacyUrl")
   */
  legacyUrl?: pulumi.Input<string> | undefined;
  /**
   * What runs it and delivers the URL. `external`: you do; `container` and `swarm` need `container`, `compose` needs `compose`,
   * `command` needs `command`.
   *
   * @default "external"
   */
  runtime?: Runtime | undefined;
  /**
   * Resources that must succeed before its cutover, such as the previous service; a rollback to `legacy` waits for none of them.
   *
   * @default none
   * @example [firstService]
   */
  after?: pulumi.Resource[] | undefined;
  /**
   * A resource to register before those of the service, on `legacy` too, without a dependency: one that names every problem of
   * the program, because the engine reports only the first.
   *
   * @default none
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
   * With the runtimes `container` and `swarm`: the container, in compose's terms, complete as from parseStack.
   *
   * @example parseStack(config).services[0].container
   */
  container?: ContainerSpec | undefined;
  /**
   * With the runtimes `container` and `swarm`: secret environment variables in addition to the URL.
   *
   * @default none
   * @example { STRIPE_KEY: config.requireSecret("stripeKey") }
   */
  env?: Record<string, pulumi.Input<string>> | undefined;
  /**
   * With the runtime `swarm`: the URL as an environment variable, or in a Docker secret's file, which the variable with `_FILE`
   * names.
   *
   * @default "env"
   */
  urlFrom?: UrlFrom | undefined;
  /**
   * With the runtime `compose`: the service in a compose project, and the env file whose line is changed. Paths are relative to
   * the Pulumi project folder.
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
   * With any runtime but `external`: a folder for a script that rolls the service back without Pulumi, its state or its
   * passphrase, written before the cutover.
   *
   * @default none
   * @example "/root/rollback"
   */
  rollbackKit?: string | undefined;
  /**
   * How long it is watched after a redeploy on its role, in milliseconds, and additional log patterns; not with the runtime
   * `external`.
   *
   * @default { timeout: 60_000, soak: 300_000, patterns: [], ignore: [] }
   * @example { soak: 600_000, ignore: ["permission denied for /tmp"] }
   */
  gate?: Partial<Gate> | undefined;
}

/**
 * A service and its DATABASE_URL: the legacy URL, or its role's once the role is ready.
 *
 * @example
 * const api = new Service("shop_api", { role: reader, database: "shop", connectAs: "role", migrates: false });
 * export const apiUrl = api.databaseUrl;
 */
export class Service extends pulumi.ComponentResource {
  readonly serviceName: string;
  readonly connectAs: ConnectAs;
  readonly runtime: Runtime;
  /** Service, database, role, connectAs and URL in force since the last completed up. */
  readonly inForce: pgaccess.ServiceUrl | pgaccess.CutoverGate;
  /** The DATABASE_URL in force; a secret. */
  readonly databaseUrl: pulumi.Output<string>;
  /** Undefined with the runtime `external`. */
  readonly deployment: Deployment | undefined;
  /** Undefined with the runtime `external`, whose restarts are unknown. */
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
    const urls = { url: url.url, legacyUrl: role.server.migrationComplete ? undefined : legacy };
    this.deployment = createDeployment(this, { ...args, connectAs }, urls);
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
  // The legacy URL depends on nothing, so that a rollback never waits.
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
