import * as pulumi from "@pulumi/pulumi";
import { dockerHost } from "../../config/read-program-stack.ts";
import { makeDatabaseUrl, withoutLogin } from "../../model/database-url.ts";
import { roleNames } from "../../model/login-roles.ts";
import type { ConnectAs } from "../../model/stack.ts";
import type { EnvSource } from "../../provider/service-env/problems.ts";
import type { DatabaseServer } from "../database-server.ts";
import * as pgaccess from "../pgaccess.ts";
import type { RuntimeArgs } from "./deploy.ts";
import { composeSource } from "./service-env.ts";

export interface LegacyUrlArgs {
  server: DatabaseServer;
  service: string;
  database: string;
  connectAs: ConnectAs;
  urlKey: string;
  /** From the configuration; takes precedence over a found one. */
  given: pulumi.Input<string> | undefined;
  parent: pulumi.Resource;
  /** A resource to register before it, without a dependency. */
  registerAfter?: pulumi.Resource | undefined;
}

/**
 * The service's legacy URL: configured, found where its runtime keeps it, or derived from the server's address and the admin's
 * login; without a login after the migration.
 */
export function legacyUrl(args: LegacyUrlArgs, runtime: RuntimeArgs): pulumi.Output<string> {
  const { server, service, database, connectAs, urlKey, given, parent, registerAfter } = args;
  const made = madeUrl(server, database);
  const source = sourceOf(service, runtime);
  if (!source) return given === undefined ? made : pulumi.secret(given);
  const roles = roleNames(server.roles);
  const { legacyUsers } = server;
  const inputs = {
    ...source,
    service,
    urlKey,
    database,
    connectAs,
    made,
    roles,
    legacyUsers,
    migrationComplete: server.migrationComplete || undefined,
    dockerHost: dockerHost(),
  };
  // A promise of an empty list delays the registration without a dependency in the state.
  const dependsOn = registerAfter && registered(registerAfter).then(() => []);
  const options = { parent, provider: server.pgaccess, ...(dependsOn && { dependsOn }) };
  const own = given === undefined ? undefined : pulumi.secret(given);
  return pulumi.secret(new pgaccess.LegacyUrl(service, { ...inputs, given: own }, options).url);
}

function registered({ urn }: pulumi.Resource): Promise<void> {
  return new Promise((resolve) => {
    urn.apply(() => resolve());
  });
}

/** Where a running service has its URL; undefined if the stack cannot read it. */
function sourceOf(
  service: string,
  { runtime, container, compose, command }: RuntimeArgs,
): (Pick<EnvSource, "compose" | "command"> & { container?: string }) | undefined {
  if ((runtime === "container" || runtime === "swarm") && container) return { container: container.name ?? service };
  if (runtime === "compose" && compose) return { compose: composeSource(service, compose) };
  if (runtime === "command" && command) return { command };
  return undefined;
}

function madeUrl(server: DatabaseServer, database: string): pulumi.Output<string> {
  const { host, port, admin } = server.address;
  return pulumi.secret(server.adminPassword).apply((password) => {
    const url = makeDatabaseUrl({ host, port, user: admin.user, password, database });
    return server.migrationComplete ? withoutLogin(url) : url;
  });
}
