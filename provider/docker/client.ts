import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { connectionTo, type DockerConnection } from "./connection.ts";
import { Docker } from "./engine.ts";

/**
 * A client of the Docker Engine API. `host` is written as DOCKER_HOST is: unix://, npipe://, tcp://, http(s):// or
 * ssh://[user@]host[:port], which runs `ssh host docker system dial-stdio` as the docker command and the official plugin do.
 * Default: DOCKER_HOST, else this machine's socket. TLS is DOCKER_CERT_PATH's, as for the docker command. Throws when `host`
 * is no such address; dials nothing.
 */
export function dockerClient(host?: string): Docker {
  return new Docker(dockerConnection(host));
}

/** As `dockerClient`, without the client. */
export function dockerConnection(host = process.env.DOCKER_HOST): DockerConnection {
  return connectionTo(host || `unix://${localSocket()}`);
}

/** In the order in which the official plugin tries them: the machine's, Docker Desktop's of this user. */
function localSocket(): string {
  if (process.platform === "win32") return "//./pipe/docker_engine";
  const machines = "/var/run/docker.sock";
  const ofTheUser = ["run", "desktop"].map((place) => `${homedir()}/.docker/${place}/docker.sock`);
  return [machines, ...ofTheUser].find((path) => existsSync(path)) ?? machines;
}

/** What Docker or the way to it said, for the person at the keyboard; `doing` as "looking for the container db". */
export function explainDocker(doing: string, error: unknown): Error {
  const { code, statusCode, message } = error as { code?: string; statusCode?: number; message?: string };
  const unreachable = statusCode === undefined && code !== undefined;
  const next = unreachable
    ? "Check that Docker runs and that this user may use it (docker:host in the stack's configuration, else DOCKER_HOST)."
    : "";
  const said = (message ?? String(error)).replace(/\.$/, "");
  return new Error(`${doing}: Docker: ${said}${statusCode ? ` (HTTP ${statusCode})` : ""}.${next ? ` ${next}` : ""}`, {
    cause: error,
  });
}
