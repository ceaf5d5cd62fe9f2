import { beforeEach, describe, expect, test } from "vitest";
import type { Containers, ServiceContainer } from "../../../../provider/cutover/gate/containers.ts";
import { noSessions } from "../../../../provider/cutover/gate/gate.ts";
import type { LogLine } from "../../../../provider/cutover/gate/log.ts";
import { ServiceWatch } from "../../../../provider/cutover/gate/service-watch.ts";
import type { RoleSession } from "../../../../provider/postgres/sessions.ts";

const api: ServiceContainer = {
  id: "1",
  name: "api",
  state: "running",
  exitCode: 0,
  isOutOfMemory: false,
  restarts: 0,
  age: 10,
  startedAt: "2026-01-01T00:00:00.5Z",
  health: undefined,
  healthOutput: undefined,
  addresses: ["172.18.0.4"],
  isTask: false,
  hasTty: false,
  secrets: ["hunter22"],
};
const own: RoleSession = { id: "1", address: "172.18.0.4", age: 3, idle: undefined };

let containers: ServiceContainer[];
let sessions: RoleSession[];
/** By container; undefined if reading is not supported. */
let logs: Record<string, LogLine[] | undefined>;
let warnings: string[];
let watch: ServiceWatch;

/** A Docker host with the test's containers. */
const docker: Containers = {
  all: async () => containers,
  everyAddress: async () => new Set(["172.18.0.4", "172.18.0.5"]),
  log: async ({ id }, since) => logs[id]?.filter(({ time }) => time >= since),
};

beforeEach(() => {
  containers = [api];
  sessions = [own];
  logs = { 1: [] };
  warnings = [];
  const rules = { migrates: true, patterns: [], ignore: [] };
  watch = new ServiceWatch(
    docker,
    async () => sessions,
    rules,
    (warning) => warnings.push(warning),
  );
});

const line = (second: number, text: string): LogLine => ({ time: `2026-01-01T00:00:0${second}.000000000Z`, text });

test("a running service with sessions from its address is healthy", async () => {
  expect(await watch.look()).toEqual({ sessions: 1, pending: [], idleEnds: 0, failure: undefined });
});

test("sessions of the role from another container do not count", async () => {
  sessions = [{ ...own, address: "172.18.0.5", age: 1 }];
  expect(await watch.look()).toEqual({ sessions: 0, pending: [noSessions], idleEnds: 0, failure: undefined });
  expect(warnings).toEqual([]);
});

test("with masqueraded addresses, sessions younger than the container count, with one warning", async () => {
  sessions = [
    { ...own, address: "10.0.0.9", age: 3 },
    { ...own, id: "2", address: "10.0.0.9", age: 100 },
  ];
  expect((await watch.look()).sessions).toBe(1);
  expect((await watch.look()).sessions).toBe(1);
  expect(warnings).toEqual([expect.stringContaining("does not see the containers' own addresses")]);
  sessions = [{ ...own, address: "10.0.0.9", age: 100 }];
  expect((await watch.look()).pending).toEqual([noSessions]);
});

test("a healthcheck must say healthy", async () => {
  containers = [{ ...api, health: "starting" }];
  expect((await watch.look()).pending).toEqual(["the health status of api is starting"]);
  containers = [{ ...api, health: "unhealthy", healthOutput: "curl: refused" }];
  expect((await watch.look()).pending).toEqual([
    "the health status of api is unhealthy (output of its healthcheck: curl: refused)",
  ]);
  containers = [{ ...api, health: "healthy" }];
  expect((await watch.look()).pending).toEqual([]);
});

describe("fails", () => {
  test("on an error in the log, shown without secrets; lines before its start do not count", async () => {
    logs[1] = [line(0, "permission denied for table from_before")];
    expect((await watch.look()).failure).toBeUndefined();
    logs[1].push(line(2, "permission denied for table t, using postgres://app:pw@db/x and hunter22"));
    expect((await watch.look()).failure).toEqual({
      reason: "found in the log of api: its role lacks a privilege",
      lines: ["permission denied for table t, using postgres://app:[secret]@db/x and [secret]"],
    });
  });

  test("if the container is restarted, with the end of its log", async () => {
    await watch.look();
    logs[1] = [line(2, "boom"), line(3, "starting")];
    containers = [{ ...api, restarts: 1, startedAt: "2026-01-01T00:00:03Z" }];
    expect((await watch.look()).failure).toEqual({
      reason: "api was restarted while it was watched",
      lines: ["boom", "starting"],
    });
  });

  test("if the container has exited, during or before the first look", async () => {
    logs[1] = [line(2, "Traceback: boom")];
    containers = [{ ...api, state: "exited", exitCode: 3 }];
    const ended = { reason: "api has ended with exit code 3", lines: ["Traceback: boom"] };
    expect((await watch.look()).failure).toEqual(ended);
  });

  test("if one of two containers exits or is removed", async () => {
    const second = { ...api, id: "2", name: "api-2" };
    logs[2] = [];
    containers = [api, second];
    await watch.look();
    containers = [api, { ...second, state: "exited", exitCode: 137, isOutOfMemory: true }];
    expect((await watch.look()).failure?.reason).toBe("api-2 ended with exit code 137, out of memory");
    containers = [api, second];
    await watch.look();
    containers = [api];
    expect((await watch.look()).failure?.reason).toBe("api-2 was removed while it was watched");
  });
});

test("a previous replica of a swarm service may stop but not fail", async () => {
  const task = { ...api, isTask: true };
  const former = { ...task, id: "0", name: "api.1.old" };
  logs[0] = [];
  containers = [task, former];
  await watch.look();
  containers = [task, { ...former, state: "exited", exitCode: 143 }];
  expect((await watch.look()).failure).toBeUndefined();
  const next = { ...task, id: "2", name: "api.1.new" };
  logs[2] = [];
  containers = [next, { ...task, state: "exited", exitCode: 1 }];
  expect((await watch.look()).failure?.reason).toBe("api ended with exit code 1");
});

test("an unreadable log causes one warning, and the rest is watched", async () => {
  logs[1] = undefined;
  expect((await watch.look()).pending).toEqual([]);
  await watch.look();
  expect(warnings).toEqual([expect.stringContaining("does not support reading")]);
  containers = [{ ...api, state: "exited", exitCode: 1 }];
  expect((await watch.look()).failure).toEqual({ reason: "api ended with exit code 1", lines: [] });
});

test("a service without containers is not healthy", async () => {
  containers = [];
  sessions = [];
  expect((await watch.look()).pending).toEqual(["it has no container"]);
});
