import { rmSync } from "node:fs";
import { createServer as createHttp, type Server as Http } from "node:http";
import { type AddressInfo, createServer, type Server as Tcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findServer } from "../../../provider/docker/find-server.ts";

/** A container in the response to GET /containers/json, the only request. */
interface Container {
  Names: string[];
  State: string;
  HostConfig: { NetworkMode: string };
  NetworkSettings: { Networks: Record<string, { IPAddress: string; GlobalIPv6Address: string }> };
}

/** A new path for each test, since Node keeps connections to a path open. */
let socket: string;
let tests = 0;
let containers: Container[];
let asked: string[];
let engine: Http;
let listener: Tcp;
let port: number;

const container = (name: string, addresses: Record<string, string>, state = "running"): Container => ({
  Names: [`/${name}`],
  State: state,
  HostConfig: { NetworkMode: "bridge" },
  NetworkSettings: {
    Networks: Object.fromEntries(
      Object.entries(addresses).map(([network, IPAddress]) => [network, { IPAddress, GlobalIPv6Address: "" }]),
    ),
  },
});

beforeEach(async () => {
  asked = [];
  socket = join(tmpdir(), `app-roles-docker-${process.pid}-${tests++}.sock`);
  engine = createHttp((request, response) => {
    asked.push(request.url ?? "");
    response.setHeader("content-type", "application/json").end(JSON.stringify(containers));
  });
  listener = createServer((client) => client.destroy());
  await new Promise<void>((resolve) => engine.listen(socket, resolve));
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  port = (listener.address() as AddressInfo).port;
});
afterEach(async () => {
  await new Promise((resolve) => engine.close(resolve));
  await new Promise((resolve) => listener.close(resolve));
  rmSync(socket, { force: true });
});

const find = (name: string | undefined) =>
  findServer({ host: "db", admin: { host: "db", port, container: name } }, `unix://${socket}`);

test("a container's first address that answers becomes the admin's host", async () => {
  containers = [
    container("timescale_db-x7", { one: "127.0.0.2", two: "127.0.0.1" }),
    container("timescale_db-old", { one: "127.0.0.3" }, "exited"),
    container("web", { one: "127.0.0.1" }),
  ];
  expect(await find("timescale_db")).toEqual({
    host: "db",
    admin: { host: "127.0.0.1", port, container: undefined },
  });
});

test("an exact name takes precedence over a name with the same prefix", async () => {
  containers = [container("db", { one: "127.0.0.1" }), container("db-replica", { one: "127.0.0.9" })];
  expect((await find("db")).admin.host).toBe("127.0.0.1");
});

test("without a container Docker is not queried", async () => {
  const server = await find(undefined);
  expect(server.admin.host).toBe("db");
  expect(asked).toEqual([]);
});

test.each([
  ["none", [["web", "running"]], /there is no container db; Docker has: web$/],
  ["only stopped ones", [["db-1", "exited"]], /no container db is running: db-1 is exited; start it$/],
  [
    "several",
    [
      ["db-2", "running"],
      ["db-1", "running"],
    ],
    /several running containers have names that start with db: db-1, db-2; use the full name$/,
  ],
] as [string, [string, string][], RegExp][])("refuses %s, with the containers found", async (_, seen, message) => {
  containers = seen.map(([name, state]) => container(name, { one: "127.0.0.1" }, state));
  await expect(find("db")).rejects.toThrow(message);
});

test("refuses a container whose addresses do not answer, with the addresses", async () => {
  containers = [container("db", { one: "127.0.0.2" })];
  await expect(find("db")).rejects.toThrow(
    new RegExp(
      `^app-roles:server\\.admin\\.container: the container db is running, but this machine cannot connect to it: 127\\.0\\.0\\.2:${port} \\(network one\\): ECONNREFUSED\\. .*server\\.admin\\.host`,
    ),
  );
});

test("reports what to check when Docker is not available", async () => {
  containers = [];
  const server = { host: "db", admin: { host: "db", port, container: "db" } };
  await expect(findServer(server, `unix://${socket}.none`)).rejects.toThrow(
    /looking for the container db: Docker: .*ENOENT.*\. Check that Docker runs/,
  );
  await expect(findServer(server, "ftp://host")).rejects.toThrow(
    /not a Docker address \(docker:host.*DOCKER_HOST\): ftp:\/\/host/,
  );
});
