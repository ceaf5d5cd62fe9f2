import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { switches } from "../../../../model/switches.ts";
import { cutoverGate } from "../../../../provider/cutover/gate/resource.ts";
import { Server } from "../../../../provider/postgres/connection.ts";
import { readIdleTimeout } from "../../../../provider/postgres/sessions.ts";
import { testCall } from "../../calls.ts";
import { startPostgres, type TestPostgres } from "../../postgres.ts";

let postgres: TestPostgres;
let server: Server;

beforeAll(async () => {
  postgres = await startPostgres();
  server = new Server(postgres.address);
  const admin = await postgres.connect();
  await admin.query("CREATE ROLE api LOGIN PASSWORD 'api'");
});
afterAll(async () => {
  await server.close();
  await postgres.stop();
});

const inputs = {
  service: "api",
  database: "postgres",
  role: "api",
  connectAs: "role" as "legacy" | "role",
  migrates: false,
  url: "postgresql://api:api@db/postgres",
  deployment: "1",
  gate: { timeout: 60_000, soak: 0, patterns: [], ignore: [] },
};

test("without containers, waits for a session of the role that began after the redeploy", async () => {
  const before = await postgres.connect({ user: "api", password: "api" });
  const call = testCall();
  const deployedAt = Date.now();
  let isConnecting = false;
  const reconnects = {
    ...call,
    report: {
      ...call.report,
      progress(message: string) {
        call.report.progress(message);
        if (!isConnecting) void postgres.connect({ user: "api", password: "api" });
        isConnecting = true;
      },
    },
  };
  expect(await cutoverGate(server).apply({ ...inputs, deployedAt }, undefined, reconnects)).toMatch(
    /^api: healthy as api for 0s, 1 session$/,
  );
  expect(call.lines[0]).toContain("it has no session of its role");
  await before.query("SELECT 1");
});

test("a failed gate reports what it saw and both next steps", async () => {
  const impatient = { ...inputs, role: "nobody", gate: { ...inputs.gate, timeout: 1 } };
  const refused = await cutoverGate(server)
    .apply(impatient, undefined, testCall())
    .then(() => "", String);
  expect(refused).toContain("api is not healthy as nobody: it has no session of its role, within 1s (gate.timeout).");
  expect(refused).toContain("It has 0 sessions in postgres. The services after it were not changed.");
  expect(refused).toContain("npx app-roles rollback api (or set app-roles:services.api.connectAs: legacy and run up)");
});

test("a cutover that rolls the service back itself gets no rollback instructions", async () => {
  const impatient = { ...inputs, role: "nobody", gate: { ...inputs.gate, timeout: 1 } };
  const refusal = () =>
    cutoverGate(server)
      .apply(impatient, undefined, testCall())
      .then(() => "", String);
  vi.stubEnv(switches.handover, JSON.stringify({ service: "api", folder: "/nowhere" }));
  const supervised = await refusal();
  vi.stubEnv(switches.handover, JSON.stringify({ service: "worker", folder: "/nowhere" }));
  const other = await refusal();
  vi.unstubAllEnvs();
  expect(supervised).toContain("api is not healthy as nobody");
  expect(supervised).not.toContain("To roll back immediately");
  expect(other).toContain("To roll back immediately: npx app-roles rollback api");
});

test("on legacy queries neither the server nor Docker", async () => {
  const nowhere = new Server({ ...postgres.address, port: 1 });
  const legacy = { ...inputs, connectAs: "legacy" as const, labels: { app: "x" }, dockerHost: "unix:///nowhere" };
  expect(await cutoverGate(nowhere).apply(legacy, undefined, testCall())).toBeUndefined();
  await nowhere.close();
});

test("never matches all containers of the host", async () => {
  for (const labels of [{}, { "com.docker.compose.project": undefined as unknown as string }]) {
    const gate = cutoverGate(server).apply({ ...inputs, labels }, undefined, testCall());
    await expect(gate).rejects.toThrow("the labels of its containers are not known");
  }
});

test("a pool that does not survive idle_session_timeout fails with that reason; one that does passes", async () => {
  const admin = await postgres.connect();
  await admin.query("CREATE ROLE idler LOGIN PASSWORD 'idler'; ALTER ROLE idler SET idle_session_timeout = '2600ms'");
  const gate = { ...inputs.gate, timeout: 2000, soak: 4000 };
  const idler = { ...inputs, role: "idler", gate };
  await postgres.connect({ user: "idler", password: "idler" });
  await expect(cutoverGate(server).apply(idler, undefined, testCall())).rejects.toThrow(
    "1 session was ended by the role's idle_session_timeout, and no new one was opened",
  );
  const reconnect = setInterval(() => void postgres.connect({ user: "idler", password: "idler" }), 1000);
  try {
    expect(await cutoverGate(server).apply(idler, undefined, testCall())).toMatch(
      /^api: healthy as idler for 4s, \d sessions?$/,
    );
  } finally {
    clearInterval(reconnect);
  }
});

test("a gate shorter than idle_session_timeout says what it cannot check, and how to check it", async () => {
  const admin = await postgres.connect();
  await admin.query("ALTER ROLE api SET idle_session_timeout = '30min'");
  await postgres.connect({ user: "api", password: "api" });
  expect(await cutoverGate(server).apply(inputs, undefined, testCall())).toMatch(
    /idle for 30min are ended .* cutover api --watch 35min$/,
  );
});

test.each([
  ["neither", [], 0],
  ["the database", ["DATABASE postgres SET idle_session_timeout = '5s'"], 5000],
  ["the role, over the database", ["ROLE timed SET idle_session_timeout = '1min'"], 60_000],
  ["the role in the database, over both", ["ROLE timed IN DATABASE postgres SET idle_session_timeout = 250"], 250],
])("a role's idle timeout comes from %s", async (_, alters, expected) => {
  const admin = await postgres.connect();
  await admin.query("DO $$ BEGIN CREATE ROLE timed; EXCEPTION WHEN duplicate_object THEN NULL; END $$");
  for (const alter of alters) await admin.query(`ALTER ${alter}`);
  expect(await readIdleTimeout(admin, "timed", "postgres")).toBe(expected);
});
