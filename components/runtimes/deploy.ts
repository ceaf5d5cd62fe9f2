import * as pulumi from "@pulumi/pulumi";
import type { CommandSpec, ComposeSpec, Runtime } from "../../model/runtime.ts";
import type { Deploy, Deployment } from "./deployment.ts";
import { deployByCommand, deployByCompose } from "./service-env.ts";

/** What a runtime needs to know beyond the service. */
export interface RuntimeArgs {
  runtime: Runtime;
  compose?: ComposeSpec | undefined;
  command?: CommandSpec | undefined;
}

/** Starts the service with its URL; undefined when somebody else does (`external`). */
export function deploy(args: RuntimeArgs, service: Deploy): Deployment | undefined {
  switch (args.runtime) {
    case "external":
      return undefined;
    case "compose":
      return deployByCompose(service, needed(args, "compose", service));
    case "command":
      return deployByCommand(service, needed(args, "command", service));
    default:
      throw new pulumi.RunError(`Service ${service.service}: runtime: ${args.runtime} is not yet supported`);
  }
}

function needed<K extends "compose" | "command">(
  args: RuntimeArgs,
  key: K,
  { service }: Deploy,
): NonNullable<RuntimeArgs[K]> {
  const spec = args[key];
  if (!spec) throw new pulumi.RunError(`Service ${service}: runtime: ${args.runtime} needs ${key}`);
  return spec;
}
