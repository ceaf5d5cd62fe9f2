import { readFileSync } from "node:fs";
import type { ClientRequest, RequestOptions } from "node:http";
import { join } from "node:path";
import { sshAgent } from "./ssh.ts";

/** Starts a request to one Docker daemon. Throws when a certificate cannot be read. */
export type DockerConnection = (options: RequestOptions) => ClientRequest;

/** The connection to the daemon at `host`, see dockerClient. Throws when it is not a Docker address; does not connect. */
export function connectionTo(host: string): DockerConnection {
  // An import of node:http also loads fetch and WebSocket.
  const http = process.getBuiltinModule("node:http");
  const socketPath = /^(?:unix|npipe):\/\/(.+)$/.exec(host)?.[1];
  if (socketPath) return (options) => http.request({ ...options, socketPath, agent: false });
  // In DOCKER_HOST tcp:// is optional.
  const address = /^[\w.-]+:\d+$/.test(host) ? `tcp://${host}` : host;
  const { protocol, hostname, port, pathname, username } = URL.canParse(address) ? new URL(address) : noUrl;
  const isPlain = ["", "/"].includes(pathname);
  if (!hostname || !isPlain || !["tcp:", "http:", "https:", "ssh:"].includes(protocol)) {
    throw new Error(
      `not a Docker address (docker:host in the stack's configuration, else DOCKER_HOST): ${host}; use one such as unix:///var/run/docker.sock or ssh://user@host`,
    );
  }
  // An IPv6 address has brackets only in a URL.
  const name = hostname.replace(/^\[|\]$/g, "");
  if (protocol === "ssh:") {
    const agent = sshAgent({ host: name, port, user: decodeURIComponent(username) });
    return (options) => http.request({ ...options, agent });
  }
  const usesTls = protocol === "https:" || Boolean(process.env.DOCKER_TLS_VERIFY) || port === "2376";
  const to = { hostname: name, agent: false } as const;
  if (!usesTls) return (options) => http.request({ ...options, ...to, port: port || "2375" });
  const https = process.getBuiltinModule("node:https");
  return (options) => https.request({ ...options, ...to, port: port || "2376", ...certificates() });
}

const noUrl = { protocol: "", hostname: "", port: "", pathname: "", username: "" };

function certificates(): { ca?: Buffer; cert?: Buffer; key?: Buffer } {
  const folder = process.env.DOCKER_CERT_PATH;
  if (!folder) return {};
  const [ca, cert, key] = ["ca", "cert", "key"].map((name) => readFileSync(join(folder, `${name}.pem`)));
  return { ca, cert, key } as { ca: Buffer; cert: Buffer; key: Buffer };
}
