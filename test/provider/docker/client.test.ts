import { execFileSync } from "node:child_process";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { dockerClient, explainDocker } from "../../../provider/docker/client.ts";

let folder: string;
let socket: string;
let asked: string[] = [];
const servers: http.Server[] = [];

const answer: http.RequestListener = (request, response) => {
  asked.push(`${request.method} ${request.url}`);
  if (request.url?.startsWith("/containers/gone")) {
    response.writeHead(404).end(JSON.stringify({ message: "No such container: gone" }));
  } else if (request.url?.startsWith("/containers/idle")) response.writeHead(304).end();
  else if (request.url?.startsWith("/containers/broken")) response.writeHead(500).end("null");
  else response.end(JSON.stringify({ ServerVersion: "test" }));
};

async function listen(server: http.Server, at: string | number): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(at, resolve));
  return (server.address() as AddressInfo).port;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "app-roles-client-"));
  socket = join(folder, "docker.sock");
  await listen(http.createServer(answer), socket);
});
afterEach(() => {
  vi.unstubAllEnvs();
  asked = [];
});
afterAll(async () => {
  for (const server of servers) server.close();
  await rm(folder, { recursive: true });
});

/** Puts a program named ssh first on the PATH. */
async function standInForSsh(script: string): Promise<void> {
  await writeFile(join(folder, "ssh"), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, "ssh"), 0o755);
  vi.stubEnv("PATH", `${folder}:${process.env.PATH}`);
}

/** The behavior of `docker system dial-stdio`. */
const dialStdio = () =>
  `exec ${process.execPath} -e 'const s = require("node:net").connect("${socket}"); process.stdin.pipe(s).pipe(process.stdout)'`;

test("a socket, by docker:host or by DOCKER_HOST; docker:host takes precedence", async () => {
  expect(await dockerClient(`unix://${socket}`).info()).toMatchObject({ ServerVersion: "test" });
  vi.stubEnv("DOCKER_HOST", `unix://${socket}`);
  expect(await dockerClient().info()).toMatchObject({ ServerVersion: "test" });
  await expect(dockerClient("unix:///nowhere").info()).rejects.toThrow("ENOENT");
});

test("tcp, with the scheme or, in DOCKER_HOST, without", async () => {
  const port = await listen(http.createServer(answer), 0);
  expect(await dockerClient(`tcp://127.0.0.1:${port}`).info()).toMatchObject({ ServerVersion: "test" });
  vi.stubEnv("DOCKER_HOST", `127.0.0.1:${port}`);
  expect(await dockerClient().info()).toMatchObject({ ServerVersion: "test" });
});

test("TLS uses the certificate in DOCKER_CERT_PATH and trusts only its ca.pem", async () => {
  const make = (name: string) =>
    execFileSync("openssl", [
      ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost".split(" "),
      ...["-addext", "subjectAltName=DNS:localhost", "-keyout", join(folder, `${name}-key.pem`)],
      ...["-out", join(folder, `${name}.pem`)],
    ]);
  make("cert");
  const pem = async (name: string) => readFile(join(folder, `${name}.pem`));
  await writeFile(join(folder, "key.pem"), await pem("cert-key"));
  await writeFile(join(folder, "ca.pem"), await pem("cert"));
  const own = { cert: await pem("cert"), key: await pem("key"), ca: await pem("ca") };
  const port = await listen(https.createServer({ ...own, requestCert: true, rejectUnauthorized: true }, answer), 0);
  const info = () => dockerClient(`tcp://localhost:${port}`).info();
  vi.stubEnv("DOCKER_TLS_VERIFY", "1");
  await expect(info()).rejects.toThrow("self-signed");
  vi.stubEnv("DOCKER_CERT_PATH", folder);
  expect(await info()).toMatchObject({ ServerVersion: "test" });
  vi.stubEnv("DOCKER_CERT_PATH", join(folder, "nothing"));
  await expect(info()).rejects.toThrow("ca.pem");
});

test("ssh runs docker system dial-stdio on the host with the configuration of ssh, and never asks for a password", async () => {
  await standInForSsh(`echo "$@" >> ${folder}/args; ${dialStdio()}`);
  const docker = dockerClient("ssh://deploy@db.example:2222");
  const many = await Promise.all(Array.from({ length: 9 }, () => docker.info()));
  expect(many).toEqual(Array(9).fill({ ServerVersion: "test" }));
  const [args] = (await readFile(join(folder, "args"), "utf8")).split("\n");
  expect(args).toBe(
    "-o BatchMode=yes -o ConnectTimeout=30 -T -l deploy -p 2222 -- db.example docker system dial-stdio",
  );
  await dockerClient("ssh://db.example").getContainer("a b/c").stop({ t: 1 });
  expect(asked.at(-1)).toBe("POST /containers/a%20b%2Fc/stop?t=1");
});

test("an error has the output of ssh", async () => {
  await standInForSsh("echo 'deploy@db.example: Permission denied (publickey).' >&2; exit 255");
  const error = await dockerClient("ssh://deploy@db.example")
    .info()
    .catch((each: unknown) => each);
  expect(explainDocker("asking", error).message).toBe(
    "asking: Docker: ssh db.example: deploy@db.example: Permission denied (publickey). Check that Docker runs and that this user can use it (docker:host in the stack's configuration, else DOCKER_HOST).",
  );
  vi.stubEnv("PATH", "/nowhere");
  await expect(dockerClient("ssh://db.example").info()).rejects.toThrow("ENOENT");
});

test("an error of Docker has its status and message", async () => {
  const docker = dockerClient(`unix://${socket}`);
  const gone = await docker
    .getContainer("gone")
    .inspect()
    .catch((error: unknown) => error);
  expect(gone).toMatchObject({ statusCode: 404, message: "No such container: gone" });
  expect(explainDocker("looking", gone).message).toBe("looking: Docker: No such container: gone (HTTP 404).");
  await expect(docker.getContainer("idle").start()).rejects.toMatchObject({ statusCode: 304 });
  await expect(docker.getContainer("broken").start()).rejects.toMatchObject({
    statusCode: 500,
    message: "Internal Server Error",
  });
});

test("a host with several addresses, none of which answers, has the code of the error", () => {
  // As node:net reports it: without a message.
  const error = Object.assign(new AggregateError([]), { code: "ECONNREFUSED" });
  expect(explainDocker("looking", error).message).toContain("looking: Docker: ECONNREFUSED. Check that Docker runs");
});

test.each(["docker", "ftp://host", "ssh://", "ssh://host/path/docker.sock", "unix://", "tcp://host/prefix"])(
  "%s is refused before a connection is opened",
  (host) => {
    expect(() => dockerClient(host)).toThrow(`DOCKER_HOST): ${host}; use one such as unix://`);
  },
);
