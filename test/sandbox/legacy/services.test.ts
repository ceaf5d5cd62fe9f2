import { execFileSync } from "node:child_process";
import { Client } from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { createLegacyEstate } from "../../../sandbox/legacy/index.ts";
import { definitions, type ServiceName } from "../../../sandbox/legacy/services/definitions.ts";
import { type Service, startService } from "../../../sandbox/legacy/services/service.ts";
import { type Postgres, startPostgres } from "../../../sandbox/postgres/server.ts";

// Longer than any wait on a busy machine.
const patience = { timeout: 60_000, interval: 100 };
let server: Postgres;
const running: Service[] = [];

beforeAll(async () => {
  server = await startPostgres();
  await createLegacyEstate(server);
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((service) => service.stop()));
});
afterAll(() => server.stop());

describe("six services with their legacy pools", () => {
  test("use all 100 slots, including the reserved ones; an admin can log in once one service stops", async () => {
    const names = Object.keys(definitions) as ServiceName[];
    const services = names.map((name) => start(name));
    await Promise.all(services.map((service) => service.ready()));
    for (const user of ["dashboard_ro", "postgres"]) {
      await expect(login(user), user).rejects.toMatchObject({
        code: "53300",
        message: "sorry, too many clients already",
      });
    }
    await services[0]?.stop();
    await vi.waitFor(() => ask("SELECT 1"), patience);
    const sessions = await ask(
      `SELECT application_name AS name, count(*)::int AS sessions FROM pg_stat_activity
       WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() GROUP BY 1`,
    );
    expect(Object.fromEntries(sessions.map(({ name, sessions }) => [name, sessions]))).toEqual(
      Object.fromEntries(names.slice(1).map((name) => [name, definitions[name].legacyPool])),
    );
  });
});

describe("a service", () => {
  test.each(Object.keys(definitions) as ServiceName[])("%s serves requests as the superuser", async (name) => {
    const service = start(name, { pool: 2 });
    await service.ready();
    await vi.waitUntil(() => service.served >= 2, patience);
    expect(service.failures).toBe(0);
  });

  test("keeps its password out of the process list", async () => {
    const service = start("dashboard_api", { pool: 1 });
    await service.ready();
    const processes = execFileSync("ps", ["-eo", "args"], { encoding: "utf8" }).split("\n");
    expect(processes.filter((args) => args.includes("main.ts dashboard_api"))).not.toEqual([]);
    expect(processes.filter((args) => args.includes(server.password))).toEqual([]);
  });

  test("without the privileges it needs logs its failed requests", async () => {
    const service = start("gateway", { user: "analytics_ro", pool: 2 });
    await service.ready();
    await vi.waitUntil(() => service.failures > 0, patience);
    expect(service.served).toBe(0);
    expect(service.log).toContainEqual(
      expect.objectContaining({
        event: "request failed",
        code: "42501",
        message: "permission denied for table vehicles",
      }),
    );
    await service.stop();
    expect(service.log.at(-1)).toMatchObject({ event: "stopped", failed: service.failures });
  });

  test("refills its pool after the server ended all its sessions", async () => {
    const service = start("cron", { pool: 3 });
    await service.ready();
    const mine = "FROM pg_stat_activity WHERE application_name = 'cron'";
    await ask(`SELECT pg_terminate_backend(pid) ${mine}`);
    await vi.waitUntil(() => service.log.some((event) => event.event === "session lost"), patience);
    const before = service.served;
    await vi.waitUntil(() => service.served > before, patience);
    await vi.waitFor(async () => expect(await ask(`SELECT ${mine}`)).toHaveLength(3), patience);
    expect(service.failures).toBe(0);
  });

  test("is refused while its role is at its limit, then serves once a slot is free", async () => {
    const held = await Promise.all([1, 2, 3].map(() => login("reporting_refresher")));
    const service = start("dashboard_api", { user: "reporting_refresher", pool: 1 });
    const refused = () => service.log.find((event) => event.event === "refused");
    await vi.waitUntil(refused, patience);
    expect(refused()).toMatchObject({ code: "53300", message: 'too many connections for role "reporting_refresher"' });
    await Promise.all(held.map((db) => db.end()));
    await service.ready();
  });

  test("restarts with another login", async () => {
    const service = start("dashboard_api", { pool: 2 });
    await service.ready();
    await service.restart({ url: url("dashboard_ro", "tracksolid_db"), pool: 4 });
    const sessions = "SELECT usename FROM pg_stat_activity WHERE application_name = 'dashboard_api'";
    await vi.waitFor(
      async () => expect(await ask(sessions)).toEqual(Array(4).fill({ usename: "dashboard_ro" })),
      patience,
    );
    const before = service.served;
    await vi.waitUntil(() => service.served > before, patience);
  });
});

describe("a service that runs migrations", () => {
  test("inserts into schema_migrations at every start, and three can start at the same time", async () => {
    await ask("DELETE FROM tracksolid.schema_migrations WHERE version = '0041_device_health'");
    const migrators = (["ingest_worker", "worker", "webhook_receiver"] as const).map((name) =>
      start(name, { pool: 1 }),
    );
    await Promise.all(migrators.map((service) => service.ready()));
    const ledger = await ask(
      "SELECT applied_by FROM tracksolid.schema_migrations WHERE version = '0041_device_health'",
    );
    expect(ledger).toEqual([{ applied_by: "postgres" }]);
  });

  test("without the privileges for its DDL exits with code 1 before it serves", async () => {
    const service = start("worker", { user: "analytics_ro", pool: 1 });
    await expect(service.ready()).rejects.toThrow(
      "worker exited with code 1 before it served requests: permission denied for database tracksolid_db (42501)",
    );
    expect(service.log.map((event) => event.event)).toEqual(["migration failed"]);
  });
});

function start(name: ServiceName, { user = "postgres", pool }: { user?: string; pool?: number } = {}): Service {
  const service = startService(name, { url: url(user, definitions[name].database), ...(pool && { pool }) });
  running.push(service);
  return service;
}

function url(user: string, database: string): string {
  const { host, port, password } = server;
  return `postgresql://${user}:${user === "postgres" ? password : user}@${host}:${port}/${database}`;
}

async function ask(sql: string): Promise<Record<string, unknown>[]> {
  const db = await login("postgres");
  try {
    return (await db.query(sql)).rows;
  } finally {
    await db.end();
  }
}

async function login(user: string): Promise<Client> {
  const db = new Client(url(user, "tracksolid_db"));
  await db.connect();
  return db;
}
