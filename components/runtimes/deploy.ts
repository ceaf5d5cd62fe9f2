import * as pulumi from "@pulumi/pulumi";
import { completePool, type Pool } from "../../model/pool.ts";
import type { CommandSpec, ComposeSpec, ContainerSpec, Runtime, UrlFrom } from "../../model/runtime.ts";
import { deployAsContainer } from "./container.ts";
import type { Deploy, Deployment } from "./deployment.ts";
import { deployByCommand, deployByCompose } from "./service-env.ts";
import { deployToSwarm } from "./swarm.ts";

/** The runtime of a service and its arguments. */
export interface RuntimeArgs {
  runtime: Runtime;
  container?: ContainerSpec | undefined;
  pool?: Partial<Pool> | undefined;
  urlFrom?: UrlFrom | undefined;
  compose?: ComposeSpec | undefined;
  command?: CommandSpec | undefined;
}

/** Starts the service with its URL; undefined with the runtime `external`. */
export function deploy(args: RuntimeArgs, service: Deploy): Deployment | undefined {
  switch (args.runtime) {
    case "external":
      return undefined;
    case "container":
      return deployAsContainer(service, needed(args, "container", service));
    case "compose":
      return deployByCompose(service, needed(args, "compose", service));
    case "command":
      return deployByCommand(service, needed(args, "command", service));
    case "swarm": {
      const container = needed(args, "container", service);
      return deployToSwarm(service, { container, pool: completePool(args), urlFrom: args.urlFrom ?? "env" });
    }
  }
}

function needed<K extends "container" | "compose" | "command">(
  args: RuntimeArgs,
  key: K,
  { service }: Deploy,
): NonNullable<RuntimeArgs[K]> {
  const spec = args[key];
  if (!spec) throw new pulumi.RunError(`Service ${service}: runtime: ${args.runtime} needs ${key}`);
  return spec;
}
