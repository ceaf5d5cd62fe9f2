import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { cutoverExternal } from "../../../cli/cutover/external-cutover.ts";
import type { ConfiguredStack } from "../../../config/command-line.ts";
import type { Service } from "../../../model/stack.ts";
import { startPostgres, type TestPostgres } from "../../provider/postgres.ts";

let postgres: TestPostgres;
let said: string[];

beforeAll(async () => {
  postgres = await startPostgres();
  await (await postgres.connect()).query("CREATE ROLE receiver LOGIN PASSWORD 'receiver'");
});
afterAll(() => postgres.stop());
beforeEach(() => {
  said = [];
  const keep = (line: string) => void said.push(line);
  vi.spyOn(console, "log").mockImplementation(keep);
  vi.spyOn(console, "error").mockImplementation(keep);
});

const cutOver = (timeout: number, isResumed: boolean, signal = new AbortController().signal) => {
  const service = { name: "hook", role: "receiver", database: "postgres", urlKey: "DATABASE_URL", runtime: "external" };
  const configured = {
    server: { admin: postgres.address },
    adminPassword: postgres.address.password,
    services: [service, { ...service, name: "worker" }],
    roles: { receiver: { connectionLimit: 5 } },
    existingRoles: {},
    databases: {},
  } as unknown as ConfiguredStack;
  const handout = { envFile: undefined, format: "dotenv" as const, timeout };
  const cutover = { service: service as unknown as Service, stack: "prod", configured, ...handout, isResumed };
  return cutoverExternal(cutover, undefined, signal);
};

test("a service that nobody restarts is not said to be on its role", async () => {
  expect(await cutOver(1, false)).toBe(1);
  expect(said.join("\n")).toContain("hook: NO SESSION of receiver came within 1s (--timeout)");
  expect(said.join("\n")).toContain("npx app-roles rollback hook --stack prod");
});

test("an interrupted wait changes nothing, and says how to go on", async () => {
  const cancel = new AbortController();
  cancel.abort();
  expect(await cutOver(60_000, false, cancel.signal)).toBe(1);
  expect(said.join("\n")).toContain("no session of receiver was seen (interrupted). Nothing was rolled back");
});

test("its first session ends the wait; one that was there before does only when the cutover is taken up again", async () => {
  await postgres.connect({ user: "receiver", password: "receiver" });
  expect(await cutOver(1, false)).toBe(1);
  expect(await cutOver(60_000, true)).toBe(0);
  expect(said.at(-1)).toMatch(/hook: a session of receiver is in postgres, from .* also that of worker: check/);
  const waiting = cutOver(60_000, false);
  await vi.waitFor(() => expect(said.at(-1)).toContain("Restart it now"));
  await postgres.connect({ user: "receiver", password: "receiver" });
  expect(await waiting).toBe(0);
  expect(said.at(-1)).toContain("hook: a session of receiver came to postgres");
});
