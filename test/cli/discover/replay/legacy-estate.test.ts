import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { replayProposal } from "../../../../cli/discover/replay/replay-proposal.ts";
import { createLegacyEstate } from "../../../../sandbox/legacy/index.ts";
import { definitions, type ServiceName } from "../../../../sandbox/legacy/services/definitions.ts";
import { type Service, startService } from "../../../../sandbox/legacy/services/service.ts";
import { type Postgres, startPostgres } from "../../../../sandbox/postgres/server.ts";
import { discover, serverOf } from "../server.ts";

const folder = mkdtempSync(join(tmpdir(), "app-roles-replay-"));
let postgres: Postgres;
let services: Service[] = [];

beforeAll(async () => {
  chmodSync(folder, 0o777);
  const settings = { log_line_prefix: "%m [%p] %q%u@%d %a %h ", log_connections: "on" };
  postgres = await startPostgres({ settings, logFile: join(folder, "postgresql.log") });
  await createLegacyEstate(postgres);
  const admin = new pg.Client({ connectionString: postgres.url() });
  await admin.connect();
  await admin.query("ALTER SYSTEM SET log_statement = 'all'");
  await admin.query("SELECT pg_reload_conf()");
  await admin.end();
  const names = Object.keys(definitions) as ServiceName[];
  services = names.map((name) => startService(name, { url: postgres.url(definitions[name].database), pool: 2 }));
  await Promise.all(services.map((service) => service.ready()));
});
afterAll(async () => {
  await Promise.all(services.map((service) => service.stop()));
  await postgres.stop();
  rmSync(folder, { recursive: true });
});

test("the proposed roles can do all that the six services were seen to do", async () => {
  while (services.some(({ served }) => served < 3)) await sleep(50);
  const { found, proposal } = await discover(postgres, { log: [postgres.logFile] });
  const server = serverOf(postgres);
  const replayed = await replayProposal(server, found, proposal, () => undefined);
  await server.close();
  expect(replayed.flatMap(({ denied }) => denied)).toEqual([]);
  expect(new Set(replayed.flatMap(({ untried }) => untried.map(({ reason }) => reason)))).toEqual(
    new Set(["DDL is not tried: its locks would block the services"]),
  );
  // One for each different statement of a role, at least.
  expect(replayed.reduce((sum, { tried }) => sum + tried, 0)).toBeGreaterThan(20);
  const usage = replayed.flatMap((each) => each.usage);
  expect(usage.map(({ role }) => role).toSorted()).toEqual([
    "cron_app",
    "dashboard_app",
    "gateway_app",
    "tracksolid_owner",
  ]);
  expect(usage.flatMap(({ extra }) => extra)).toEqual([]);
  for (const { role, used, granted } of usage) {
    const isOwner = role === "tracksolid_owner";
    expect([role, used > 0, granted > used]).toEqual([role, !isOwner, !isOwner]);
  }
});
