import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { connectionTo, type DockerConnection } from "./connection.ts";
import { Docker } from "./engine.ts";

/**
 * A client of the Docker Engine API. `host` has the form of DOCKER_HOST: unix://, npipe://, tcp://, http(s):// or
 * ssh://[user@]host[:port], which runs `ssh host docker system dial-stdio` as the docker command and the official plugin do.
 * Default: DOCKER_HOST, else the local socket. TLS uses DOCKER_CERT_PATH, as the docker command does. Throws when `host` is not a
 * Docker address; does not connect.
 */
export function dockerClient(host?: string): Docker {
  return new Docker(dockerConnection(host));
}

/** The connection of `dockerClient`. */
export function dockerConnection(host = process.env.DOCKER_HOST): DockerConnection {
  return connectionTo(host || `unix://${localSocket()}`);
}

/** In the order of the official plugin: the socket of the machine, then those of Docker Desktop. */
function localSocket(): string {
  if (process.platform === "win32") return "//./pipe/docker_engine";
  const system = "/var/run/docker.sock";
  const desktop = ["run", "desktop"].map((place) => `${homedir()}/.docker/${place}/docker.sock`);
  return [system, ...desktop].find((path) => existsSync(path)) ?? system;
}

/** An error of Docker or of the connection, with the next step; `doing` such as "looking for the container db". */
export function explainDocker(doing: string, error: unknown): Error {
  const { code, statusCode, message } = error as { code?: string; statusCode?: number; message?: string };
  const unreachable = statusCode === undefined && code !== undefined;
  const next = unreachable
    ? "Check that Docker runs and that this user can use it (docker:host in the stack's configuration, else DOCKER_HOST)."
    : "";
  const reason = (message || code || String(error)).replace(/\.$/, "");
  return new Error(
    `${doing}: Docker: ${reason}${statusCode ? ` (HTTP ${statusCode})` : ""}.${next ? ` ${next}` : ""}`,
    {
      cause: error,
    },
  );
}
