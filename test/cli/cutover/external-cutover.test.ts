import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { cutoverExternal } from "../../../cli/cutover/external-cutover.ts";
import type { ConfiguredStack } from "../../../cli/pulumi/read-stack.ts";
import type { Service } from "../../../model/stack.ts";
import { startPostgres, type TestPostgres } from "../../provider/postgres.ts";

let postgres: TestPostgres;
let said: string[];
/** Tables of the budget. */
let shown: string[];

beforeAll(async () => {
  postgres = await startPostgres();
  await (await postgres.connect()).query("CREATE ROLE receiver LOGIN PASSWORD 'receiver'");
});
afterAll(() => postgres.stop().catch(() => undefined));
beforeEach(() => {
  said = [];
  const keep = (line: string) => void said.push(line);
  vi.spyOn(console, "log").mockImplementation(keep);
  vi.spyOn(console, "error").mockImplementation(keep);
  shown = [];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => shown.push(String(text)) > 0);
});
afterEach(() => vi.restoreAllMocks());

async function endSessions(): Promise<void> {
  const admin = await postgres.connect();
  await admin.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'receiver'");
}

interface Given {
  signal?: AbortSignal;
  watch?: number;
  /** Milliseconds after which a service without sessions is unhealthy. */
  limit?: number;
}

const cutOver = (timeout: number, isResumed: boolean, { signal, watch, limit = 60_000 }: Given = {}) => {
  const service = {
    ...{ name: "hook", role: "receiver", database: "postgres", urlKey: "DATABASE_URL", runtime: "external" },
    gate: { timeout: limit },
  };
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
  const patience = { patience: 1, interval: 1 };
  return cutoverExternal(cutover, watch, signal ?? new AbortController().signal, patience);
};
const all = () => said.join("\n");

test("a service that is never restarted is not reported as cut over", async () => {
  expect(await cutOver(1, false)).toBe(1);
  expect(said.join("\n")).toContain("hook: NO SESSION of receiver appeared within 1s (--timeout)");
  expect(said.join("\n")).toContain("npx app-roles rollback hook --stack prod");
});

test("an interrupted wait changes nothing and prints how to continue", async () => {
  const cancel = new AbortController();
  cancel.abort();
  expect(await cutOver(60_000, false, { signal: cancel.signal })).toBe(1);
  expect(said.join("\n")).toContain("no session of receiver was seen (interrupted). Nothing was rolled back");
});

test("the first new session ends the wait; an existing one does so only when the cutover is resumed", async () => {
  await postgres.connect({ user: "receiver", password: "receiver" });
  expect(await cutOver(1, false)).toBe(1);
  expect(await cutOver(60_000, true)).toBe(0);
  expect(said.at(-1)).toMatch(/hook: a session of receiver is in postgres, from .* worker also use this role: check/);
  const waiting = cutOver(60_000, false);
  await vi.waitFor(() => expect(said.at(-1)).toContain("Restart it now"));
  await postgres.connect({ user: "receiver", password: "receiver" });
  expect(await waiting).toBe(0);
  expect(said.at(-1)).toContain("hook: a session of receiver connected to postgres");
});

const receiver = () => postgres.connect({ user: "receiver", password: "receiver" });
const back = "npx app-roles rollback hook --stack prod";

test("a complete watch reports the sessions, and the looks without any", async () => {
  const session = await receiver();
  expect(await cutOver(1, true, { watch: 1 })).toBe(0);
  expect(said.at(-1)).toMatch(/^hook: watched for 1s, \d sessions? of receiver now, none at 0 of \d looks\.$/);
  await session.end();
});

test("lost sessions make an external service unhealthy, and nothing is rolled back", async () => {
  await endSessions();
  const session = await receiver();
  const watched = cutOver(1, true, { watch: 600_000, limit: 1 });
  await vi.waitFor(() => expect(all()).toContain("hook: a session of receiver is in postgres"));
  await vi.waitFor(() => expect(shown.join("")).toContain("receiver"));
  await session.end();
  expect(await watched).toBe(1);
  expect(all()).toMatch(
    /hook is not healthy as receiver: it has no session of its role, for 1s, after it had some\.\nNothing was rolled back/,
  );
  expect(all()).toContain(back);
});

test("an interrupted watch reports what it saw and that it was interrupted", async () => {
  const session = await receiver();
  const cancel = new AbortController();
  const watched = cutOver(1, true, { watch: 600_000, signal: cancel.signal });
  await vi.waitFor(() => expect(shown.join("")).toContain("receiver"));
  cancel.abort();
  expect(await watched).toBe(1);
  expect(said.at(-1)).toMatch(
    /^hook: the watch was interrupted\. (It was watched for \d+s of 10min, and last observed at |It was never observed)/,
  );
  expect(said.at(-1)).toContain(`Nothing was rolled back. To watch it again: npx app-roles cutover hook --watch 10min`);
  await session.end();
});

test("a service that can no longer be watched: the last observation, the reason and exit code 1", async () => {
  const session = await receiver();
  const watched = cutOver(1, true, { watch: 600_000 });
  await vi.waitFor(() => expect(shown.join("")).toContain("receiver"));
  const admin = await postgres.connect();
  await admin.query("CREATE ROLE other SUPERUSER LOGIN PASSWORD 'other'");
  const other = await postgres.connect({ user: "other", password: "other" });
  const { user } = postgres.address;
  await other.query(`ALTER ROLE ${user} PASSWORD 'changed'`);
  await other.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'app-roles'");
  expect(await watched).toBe(1);
  await other.query(`ALTER ROLE ${user} PASSWORD '${postgres.address.password}'`);
  expect(said.at(-1)).toMatch(/^hook: it CAN NO LONGER BE WATCHED \(cannot log in .*28P01/);
  expect(said.at(-1)).toMatch(
    /It was watched for \d+s of 10min, and last observed at [\d:]{8}: \d sessions? of receiver\./,
  );
  expect(said.at(-1)).toContain(back);
  expect(all()).not.toContain("watched for 10min");
  await session.end();
});

test("a lost server during the wait is not reported as a missing session", async () => {
  await postgres.stop();
  expect(await cutOver(60_000, false)).toBe(1);
  expect(said.at(-1)).toMatch(/no session of receiver was seen, and IT CAN NO LONGER BE WATCHED \(cannot log in/);
});
