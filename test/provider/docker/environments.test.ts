import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readEnvironments } from "../../../provider/docker/environments.ts";

/** Responses of a Docker Engine API by path; other paths are not found. */
let answers: Record<string, unknown>;
let folder: string;
let server: Server;
let host: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "app-roles-docker-api-"));
  server = createServer(({ url = "" }, response) => {
    const answer = answers[url.replace(/^\/v[\d.]+/, "").replace(/\?.*/, "")];
    response.writeHead(answer === undefined ? 404 : 200, { "content-type": "application/json" });
    response.end(JSON.stringify(answer ?? { message: "not found" }));
  });
  host = `unix://${folder}/docker.sock`;
  await new Promise<void>((listening) => server.listen(`${folder}/docker.sock`, listening));
});
afterEach(async () => {
  server.close();
  await rm(folder, { recursive: true });
});

const container = (name: string, config: object) => ({
  Name: `/${name}`,
  State: { Status: "exited" },
  Config: { Env: null, Cmd: null, Entrypoint: null, Labels: null, ...config },
});

test("every container, running or not, with its variables and command line; one that was just removed is skipped", async () => {
  answers = {
    "/containers/json": [{ Id: "1" }, { Id: "2" }, { Id: "gone" }],
    "/containers/1/json": container("b", { Env: ["X=1"], Cmd: ["serve"], Entrypoint: "/run" }),
    "/containers/2/json": container("a", {}),
    "/info": { Swarm: { ControlAvailable: false } },
  };
  expect(await readEnvironments(host, () => undefined)).toEqual({
    all: [
      { kind: "container", name: "a", state: "exited", env: [], command: [] },
      { kind: "container", name: "b", state: "exited", env: ["X=1"], command: ["/run", "serve"] },
    ],
    secrets: [],
  });
});

test("the services of a swarm with the variables of their previous containers, and the names of its secrets", async () => {
  const Labels = { "com.docker.swarm.service.name": "api" };
  answers = {
    "/containers/json": [{ Id: "1" }],
    "/containers/1/json": container("api.1.x7", { Env: ["X=1", "OLD=2"], Labels }),
    "/info": { Swarm: { ControlAvailable: true } },
    "/services": [
      { Spec: { Name: "api", TaskTemplate: { ContainerSpec: { Env: ["X=1"], Args: ["--serve"] } } } },
      { Spec: { Name: "bare", TaskTemplate: {} } },
    ],
    "/secrets": [{ Spec: { Name: "b-url" } }, { Spec: { Name: "a-url" } }],
  };
  expect(await readEnvironments(host, () => undefined)).toEqual({
    all: [
      { kind: "swarm", name: "api", state: undefined, env: ["X=1", "OLD=2"], command: ["--serve"] },
      { kind: "swarm", name: "bare", state: undefined, env: [], command: [] },
    ],
    secrets: ["a-url", "b-url"],
  });
});

test("an error without Docker has the next step", async () => {
  await expect(readEnvironments(`unix://${folder}/no.sock`, () => undefined)).rejects.toThrow(/ENOENT.*docker:host/);
});
