import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { hostedCommand, startPluginHost } from "../../../sandbox/plugin-host/start.ts";
import { startPostgres } from "../../../sandbox/postgres/server.ts";
import { PluginProcess, type RpcError } from "../../provider/rpc/plugin-process.ts";

const main = join(import.meta.dirname, "../../../sandbox/plugins/postgresql/main.ts");
const role = "urn:pulumi:dev::app::postgresql:index/role:Role::it";
let host: Awaited<ReturnType<typeof startPluginHost>>;
beforeAll(async () => {
  host = await startPluginHost();
});
afterAll(async () => {
  await host.stop();
  vi.unstubAllEnvs();
});

const start = (env: NodeJS.ProcessEnv = {}) =>
  PluginProcess.start(hostedCommand("postgresql", [process.execPath, main]), { env });

test("a stand-in has the environment of its own command, also while another one runs", async () => {
  const postgres = await startPostgres();
  const wrong = await start({ PGPASSWORD: "wrong" });
  const right = await start({ PGPASSWORD: postgres.password });
  for (const plugin of [right, wrong]) {
    await plugin.configure({ host: postgres.host, port: String(postgres.port), sslmode: "disable" });
  }
  expect((await right.create(role, { name: "one" })).id).toBe("one");
  await expect(wrong.create(role, { name: "other" })).rejects.toThrow("password authentication failed");
  await Promise.all([right.stop(), wrong.stop()]);
  await postgres.stop();
});

test("a stand-in ends with its command, and the host goes on", async () => {
  const one = await start();
  process.kill(one.pid, "SIGKILL");
  expect(await one.exited).toBe("SIGKILL");
  const code = () => one.configure({}).catch((error: RpcError) => error.code);
  await expect.poll(code).toBe(status.UNAVAILABLE);
  const other = await start();
  await other.configure({});
  await other.stop();
});

test("without the host, a stand-in is a process of its own", async () => {
  const [bash, script] = hostedCommand("postgresql", []) as [string, string];
  const alone = await PluginProcess.start([bash, script, "1", "token", "postgresql", process.execPath, main]);
  await alone.configure({});
  await alone.stop();
});
