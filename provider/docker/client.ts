import Docker from "dockerode";

/**
 * A client of the Docker Engine API. `host` is written as DOCKER_HOST is: unix://, npipe://, tcp://, http(s):// or
 * ssh://[user@]host[:port], which runs `docker system dial-stdio` there with the keys of the ssh agent. Default:
 * DOCKER_HOST, else this machine's socket. TLS is DOCKER_CERT_PATH's, as for the docker command. Throws when `host` is no
 * such address; dials nothing.
 */
export function dockerClient(host: string | undefined = process.env.DOCKER_HOST): Docker {
  if (!host || host === process.env.DOCKER_HOST) return new Docker();
  const socket = /^(?:unix|npipe):\/\/(.+)$/.exec(host)?.[1];
  // undefined on purpose: a DOCKER_HOST in the environment must not show through.
  if (socket) return new Docker({ socketPath: socket, host: undefined, protocol: undefined });
  const url = URL.canParse(host) ? new URL(host) : undefined;
  const protocol = url && protocols[url.protocol];
  if (!url || !protocol || !url.hostname) {
    throw new Error(
      `docker:host is no Docker address: ${host}; write one such as unix:///var/run/docker.sock or ssh://user@host`,
    );
  }
  const usesTls = protocol === "http" && (process.env.DOCKER_TLS_VERIFY === "1" || url.port === "2376");
  return new Docker({
    host: url.hostname,
    port: url.port || defaultPorts[protocol],
    protocol: usesTls ? "https" : protocol,
    ...(url.username && { username: decodeURIComponent(url.username) }),
    ...(protocol === "ssh" && process.env.SSH_AUTH_SOCK && { sshOptions: { agent: process.env.SSH_AUTH_SOCK } }),
  });
}

const protocols: Record<string, "http" | "https" | "ssh"> = {
  "tcp:": "http",
  "http:": "http",
  "https:": "https",
  "ssh:": "ssh",
};

const defaultPorts = { http: "2375", https: "2376", ssh: "22" };

/** What Docker or the way to it said, for the person at the keyboard; `doing` as "looking for the container db". */
export function explainDocker(doing: string, error: unknown): Error {
  const { code, statusCode, reason, json, message } = error as {
    code?: string;
    statusCode?: number;
    reason?: string;
    json?: { message?: string };
    message?: string;
  };
  const said = json?.message ?? reason ?? message ?? String(error);
  const unreachable = statusCode === undefined && code !== undefined;
  const next = unreachable
    ? "Check that Docker runs and that this user may use it (docker:host in the stack's configuration, else DOCKER_HOST)."
    : "";
  return new Error(`${doing}: Docker: ${said}${statusCode ? ` (HTTP ${statusCode})` : ""}.${next ? ` ${next}` : ""}`, {
    cause: error,
  });
}
