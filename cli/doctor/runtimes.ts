import { constants } from "node:fs";
import { access } from "node:fs/promises";
import type { Service } from "../../model/stack.ts";
import { dockerClient, explainDocker } from "../../provider/docker/client.ts";
import { ComposeCli, ComposeProject } from "../../provider/service-env/compose-cli.ts";
import type { ConfiguredStack } from "../stack.ts";
import { type Finding, ok, wrong } from "./finding.ts";

/** Docker, compose and the user's commands, as far as a declared runtime needs them. */
export async function runtimes({ services, server, dockerHost }: ConfiguredStack): Promise<Finding[]> {
  const used = new Set(services.map(({ runtime }) => runtime));
  const needsDocker =
    used.has("container") || used.has("swarm") || used.has("compose") || server.admin.container !== undefined;
  const composed = services.find(({ compose }) => compose !== undefined);
  const commands = services.filter(({ command }) => command !== undefined);
  return [
    ...(needsDocker ? [await docker(dockerHost, used.has("swarm"))] : []),
    ...(composed ? [await compose(composed, dockerHost)] : []),
    ...(await Promise.all(commands.map(command))),
  ];
}

async function docker(dockerHost: string | undefined, needsSwarm: boolean): Promise<Finding> {
  try {
    const { ServerVersion, Swarm } = (await dockerClient(dockerHost).info()) as {
      ServerVersion: string;
      Swarm?: { ControlAvailable?: boolean };
    };
    const found = `Docker ${ServerVersion}`;
    if (!needsSwarm) return ok("docker", found);
    return Swarm?.ControlAvailable
      ? ok("docker", `${found}, manager of a swarm`)
      : wrong("docker", `${found}, no manager of a swarm`, "point docker:host at a manager, or run docker swarm init");
  } catch (error) {
    const { message } = explainDocker("asking for its version", error);
    return wrong("docker", message, "start Docker, or point docker:host (else DOCKER_HOST) at it");
  }
}

async function compose(service: Service, dockerHost: string | undefined): Promise<Finding> {
  try {
    const { files = [], project } = service.compose ?? {};
    const quiet = { info: () => undefined, warn: () => undefined, progress: () => undefined };
    const call = { signal: new AbortController().signal, report: quiet };
    const found = await ComposeCli.installed(new ComposeProject(files, project, dockerHost, service.urlKey), call);
    return ok("compose", found.map(({ major }) => (major === 1 ? "docker-compose 1" : "docker compose")).join(", "));
  } catch (error) {
    return wrong("compose", (error as Error).message, "install docker compose where pulumi runs");
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
    return wrong(what, `${path} cannot be run: ${code}`, "see that it is there and executable (chmod +x)");
  }
}
