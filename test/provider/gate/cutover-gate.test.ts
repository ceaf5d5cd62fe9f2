import { afterAll, beforeAll, expect, test } from "vitest";
import { Server } from "../../../provider/connection.ts";
import { cutoverGate } from "../../../provider/resources/cutover-gate.ts";
import { testCall } from "../calls.ts";
import { startPostgres, type TestPostgres } from "../postgres.ts";

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

test("without a container, waits for a session of the role that began after the redeploy", async () => {
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
    /^api: well as api for 0s, 1 session$/,
  );
  expect(call.lines[0]).toContain("no session of its role comes from it");
  await before.query("SELECT 1");
});

test("a gate that is not passed says what was seen, and both ways on", async () => {
  const impatient = { ...inputs, role: "nobody", gate: { ...inputs.gate, timeout: 1 } };
  const refused = await cutoverGate(server)
    .apply(impatient, undefined, testCall())
    .then(() => "", String);
  expect(refused).toContain("api is not well as nobody: no session of its role comes from it, in 1s (gate.timeout).");
  expect(refused).toContain("It has 0 sessions in postgres. The services after it were not touched.");
  expect(refused).toContain("npx app-roles rollback api (or app-roles:services.api.connectAs: legacy, and up)");
});

test("on legacy asks neither the server nor Docker", async () => {
  const nowhere = new Server({ ...postgres.address, port: 1 });
  const legacy = { ...inputs, connectAs: "legacy" as const, labels: { app: "x" }, dockerHost: "unix:///nowhere" };
  expect(await cutoverGate(nowhere).apply(legacy, undefined, testCall())).toBeUndefined();
  await nowhere.close();
});

test("never takes the containers of the whole host for the service's", async () => {
  for (const labels of [{}, { "com.docker.compose.project": undefined as unknown as string }]) {
    const gate = cutoverGate(server).apply({ ...inputs, labels }, undefined, testCall());
    await expect(gate).rejects.toThrow("the labels of its containers are not known");
  }
});
