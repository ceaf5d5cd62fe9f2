import type * as pulumi from "@pulumi/pulumi";
import { dockerHost } from "../../config/read-program-stack.ts";
import type { CommandSpec, ComposeSpec } from "../../model/runtime.ts";
import type { Service } from "../../model/stack.ts";
import type { EnvSource } from "../../provider/service-env/problems.ts";
import * as pgaccess from "../pgaccess.ts";
import { type Deploy, type Deployment, rollbackScripts } from "./deployment.ts";

type DeclaredPlace = Pick<Service, "name" | "urlKey" | "compose" | "command">;

/** A service that compose runs; the stack owns one line of its env file. */
export function deployByCompose(deploy: Deploy, spec: ComposeSpec): Deployment {
  const compose = composeSource(deploy.service, spec);
  const env = createServiceEnv(deploy, { compose });
  const labels = {
    "com.docker.compose.project": env.project.apply((project) => project ?? ""),
    "com.docker.compose.service": compose.service,
  };
  return { id: idOf(env), labels, resources: [env] };
}

/** A service that the user's executable starts. */
export function deployByCommand(deploy: Deploy, command: CommandSpec): Deployment {
  const env = createServiceEnv(deploy, { command });
  return { id: idOf(env), labels: undefined, deployedAt: env.deployedAt, resources: [env] };
}

/** Where a service keeps its URL; empty if the stack does not read it. */
export function placeOf({ name, urlKey, compose, command }: DeclaredPlace) {
  const source = compose ? { compose: composeSource(name, compose) } : command && { command };
  return source ? [{ ...source, service: name, urlKey, dockerHost: dockerHost() }] : [];
}

export function composeSource(service: string, spec: ComposeSpec): NonNullable<EnvSource["compose"]> {
  const { files, project, envFile } = spec;
  return { files, project, service: spec.service ?? service, envFile };
}

function createServiceEnv(deploy: Deploy, source: Pick<EnvSource, "compose" | "command">): pgaccess.ServiceEnv {
  const { service, role, connectAs, urlKey, url, legacyUrl, parent, provider } = deploy;
  const args = { ...source, service, role, connectAs, urlKey, url, legacyUrl, dockerHost: dockerHost() };
  return new pgaccess.ServiceEnv(service, args, { parent, provider, dependsOn: rollbackScripts(deploy, source) });
}

function idOf({ deployments }: pgaccess.ServiceEnv): pulumi.Output<string> {
  return deployments.apply(String);
}
