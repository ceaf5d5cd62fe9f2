import { basename } from "node:path";
import { DatabaseUrlError, databaseUrlDatabase } from "../../model/database-url.ts";
import { dockerClient, explainDocker } from "../../provider/docker/client.ts";
import type { ContainerInspection } from "../../provider/docker/engine-types.ts";
import { inspectListed } from "../../provider/docker/lookups.ts";

/** A running container that can have sessions. Of its variables only names are kept. */
export interface ContainerFacts {
  name: string;
  image: string;
  /** Name of the program that it runs, without arguments: `node`. */
  program: string;
  addresses: string[];
  startedAt: Date;
  /** Variables whose value is a Postgres URL, or is in a file, with the database that it names if it can be seen. */
  urlKeys: { name: string; database: string | undefined }[];
  compose: { project: string; service: string; files: string[] } | undefined;
  /** Name of the swarm service. */
  swarm: string | undefined;
}

/** The running containers of a Docker host. Throws the error of Docker. */
export async function readContainers(dockerHost: string | undefined): Promise<ContainerFacts[]> {
  try {
    const docker = dockerClient(dockerHost);
    const running = await docker.listContainers();
    const found: ContainerFacts[] = [];
    for (const { Id } of running) {
      const inspected = await inspectListed(docker, Id);
      if (inspected) found.push(factsOf(inspected));
    }
    return found.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    throw explainDocker("reading the containers", error);
  }
}

export function factsOf({ Name, State, Config, NetworkSettings }: ContainerInspection): ContainerFacts {
  const labels = Config.Labels ?? {};
  const service = labels["com.docker.compose.service"];
  return {
    name: Name.replace(/^\//, ""),
    image: Config.Image,
    program: programOf([Config.Entrypoint ?? [], Config.Cmd ?? []].flat()),
    addresses: Object.values(NetworkSettings.Networks ?? {}).flatMap(({ IPAddress, GlobalIPv6Address }) =>
      [IPAddress, GlobalIPv6Address].filter((address) => address !== undefined && address !== ""),
    ) as string[],
    startedAt: new Date(State.StartedAt),
    urlKeys: (Config.Env ?? []).flatMap((variable) => {
      const end = variable.indexOf("=");
      const value = variable.slice(end + 1);
      const name = variable.slice(0, end);
      if (end > 0 && /^postgres(ql)?(\+\w+)?:\/\//i.test(value)) return [{ name, database: databaseOf(value) }];
      // A Docker secret: the variable names its file.
      const ofFile = /^(\w*(?:URL|URI|DSN))_FILE$/.exec(name)?.[1];
      return ofFile !== undefined && value.startsWith("/") ? [{ name: ofFile, database: undefined }] : [];
    }),
    compose:
      service === undefined
        ? undefined
        : {
            project: labels["com.docker.compose.project"] ?? "",
            service,
            files: (labels["com.docker.compose.project.config_files"] ?? "").split(",").filter((file) => file !== ""),
          },
    swarm: labels["com.docker.swarm.service.name"],
  };
}

/** No argument is safe to print: `-psecret` is an option, and `sh -c` has a whole script. */
function programOf([first = ""]: string[]): string {
  const [path = ""] = first.split(/\s/);
  return path.includes("=") ? "" : basename(path);
}

function databaseOf(url: string): string | undefined {
  try {
    return databaseUrlDatabase(url);
  } catch (error) {
    if (error instanceof DatabaseUrlError) return undefined;
    throw error;
  }
}
