import { constants } from "node:fs";
import { access } from "node:fs/promises";
import type { Service } from "../../model/stack.ts";
import { dockerClient, explainDocker } from "../../provider/docker/client.ts";
import { ComposeCli, ComposeProject } from "../../provider/service-env/compose-cli.ts";
import { type Depth, type EnvSource, targetProblems } from "../../provider/service-env/problems.ts";
import type { ConfiguredStack } from "../pulumi/read-stack.ts";
import { type Finding, ok, wrong } from "./finding.ts";

const quiet = { info: () => undefined, warn: () => undefined, progress: () => undefined };

/** Docker, compose and the user's commands, if a declared runtime needs them. */
export async function runtimes({ services, server, dockerHost }: ConfiguredStack): Promise<Finding[]> {
  const used = new Set(services.map(({ runtime }) => runtime));
  const needsDocker =
    used.has("container") || used.has("swarm") || used.has("compose") || server.admin.container !== undefined;
  const composed = services.find(({ compose }) => compose !== undefined);
  const commands = services.filter(({ command }) => command !== undefined);
  const tools = [
    ...(needsDocker ? [await docker(dockerHost, used.has("swarm"))] : []),
    ...(composed ? [await compose(composed, dockerHost)] : []),
  ];
  const executables = await Promise.all(commands.map(command));
  const isUsable = ({ state }: Finding) => state === "ok";
  const inCompose = services.filter(({ compose }) => compose !== undefined);
  const readable = [
    ...(tools.every(isUsable) ? inCompose : []),
    ...commands.filter((_, index) => executables[index]?.state === "ok"),
  ];
  const unread = tools.every(isUsable) ? [] : inCompose;
  return [
    ...tools,
    ...executables,
    ...(await places(unread, dockerHost, "files")),
    ...(await places(readable, dockerHost, "redeploy")),
  ];
}

/** Where services keep their URL, checked as before a restart; only a faulty one gets its own line. */
async function places(services: Service[], dockerHost: string | undefined, depth: Depth): Promise<Finding[]> {
  if (services.length === 0) return [];
  const targets = services.map(({ name, urlKey, compose, command }): EnvSource => {
    const source = compose ? { compose: { ...compose, service: compose.service ?? name } } : { command };
    return { ...source, service: name, urlKey, dockerHost };
  });
  const problems = await targetProblems(targets, { signal: new AbortController().signal, report: quiet }, depth);
  const fine = services.filter(({ name }) => problems.every(({ service }) => service !== name)).length;
  return [
    ...problems.map(({ service, key, reason }) =>
      wrong(
        `URL of ${service}`,
        `${key}: ${reason}`,
        "fix it; until then the service is not restarted with another URL",
      ),
    ),
    ...(fine > 0 && depth !== "files" ? [ok("URLs", `read for ${fine} of ${services.length} services`)] : []),
  ];
}

async function docker(dockerHost: string | undefined, needsSwarm: boolean): Promise<Finding> {
  try {
    const { ServerVersion, Swarm } = await dockerClient(dockerHost).info();
    const found = `Docker ${ServerVersion}`;
    if (!needsSwarm) return ok("docker", found);
    return Swarm?.ControlAvailable
      ? ok("docker", `${found}, swarm manager`)
      : wrong("docker", `${found}, not a swarm manager`, "point docker:host at a manager, or run docker swarm init");
  } catch (error) {
    const { message } = explainDocker("querying its version", error);
    return wrong("docker", message, "start Docker, or set docker:host (or DOCKER_HOST)");
  }
}

async function compose(service: Service, dockerHost: string | undefined): Promise<Finding> {
  try {
    const { files = [], project } = service.compose ?? {};
    const call = { signal: new AbortController().signal, report: quiet };
    const found = await ComposeCli.installed(new ComposeProject(files, project, dockerHost, service.urlKey), call);
    return ok("compose", found.map(({ major }) => (major === 1 ? "docker-compose 1" : "docker compose")).join(", "));
  } catch (error) {
    return wrong("compose", (error as Error).message, "install docker compose on the machine that runs pulumi");
  }
}

async function command({ name, command }: Service): Promise<Finding> {
  const { path = "" } = command ?? {};
  const what = `command of ${name}`;
  try {
    await access(path, constants.X_OK);
    return ok(what, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return wrong(what, `${path} cannot be run: ${code}`, "check that it exists and is executable (chmod +x)");
  }
}
