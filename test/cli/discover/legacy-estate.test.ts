import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { type Discovery, makeDiscovery } from "../../../cli/discover/discovery.ts";
import { propose } from "../../../cli/discover/proposal.ts";
import type { Proposal } from "../../../cli/discover/proposed/config.ts";
import { discoveryReport } from "../../../cli/discover/report.ts";
import { createLegacyEstate } from "../../../sandbox/legacy/index.ts";
import { definitions, type ServiceName } from "../../../sandbox/legacy/services/definitions.ts";
import { type Service, startService } from "../../../sandbox/legacy/services/service.ts";
import { type Postgres, startPostgres } from "../../../sandbox/postgres/server.ts";
import { serverOf } from "./server.ts";

/** Pulumi.prod.yaml, which people made of the same estate, and what discover proposes for it. */
const decided = (
  parse(readFileSync(new URL("../../../Pulumi.prod.yaml", import.meta.url), "utf8")) as {
    config: Record<string, Record<string, unknown>>;
  }
).config;

const folder = mkdtempSync(join(tmpdir(), "app-roles-legacy-estate-"));
const services: Service[] = [];
let postgres: Postgres;
let found: Discovery;
let proposal: Proposal;

function start(name: ServiceName): Service {
  const service = startService(name, { url: postgres.url(definitions[name].database), pool: 2 });
  services.push(service);
  return service;
}

/** The six services with a log of all statements; four of them start while the server is watched. */
beforeAll(async () => {
  const logFile = join(folder, "server.log");
  postgres = await startPostgres({ logFile, settings: { log_line_prefix: "%m [%p] %q%u@%d %a %h " } });
  await createLegacyEstate(postgres);
  const admin = new pg.Client({ connectionString: postgres.url(), application_name: "psql" });
  await admin.connect();
  await admin.query("ALTER SYSTEM SET log_statement = 'all'");
  await admin.query("SELECT pg_reload_conf()");
  await admin.end();
  await Promise.all([start("gateway"), start("cron")].map((service) => service.ready()));

  const server = serverOf(postgres);
  const watched = new AbortController();
  let rest: Promise<void> | undefined;
  const startRest = async () => {
    const names: ServiceName[] = ["dashboard_api", "ingest_worker", "worker", "webhook_receiver"];
    await Promise.all(names.map((name) => start(name).ready()));
    while (services.some(({ served }) => served < 2)) await sleep(100);
  };
  found = await makeDiscovery(server, { watch: 600_000, log: [logFile] }, watched.signal, (message) => {
    if (message.startsWith("watching")) rest ??= startRest().finally(() => watched.abort());
  });
  await server.close();
  await rest;
  proposal = propose(found);
});

afterAll(async () => {
  await Promise.all(services.map((service) => service.stop()));
  await postgres.stop();
  rmSync(folder, { recursive: true });
});

/** Without the keys that cannot be known. */
function without(entries: unknown, ...keys: string[]): Record<string, Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(entries as Record<string, Record<string, unknown>>).map(([name, entry]) => [
      name,
      Object.fromEntries(Object.entries(entry).filter(([key]) => !keys.includes(key))),
    ]),
  );
}

describe("the proposal is what people decided on", () => {
  test("the databases, with their owners and what they keep", () => {
    const sorted = (databases: unknown) =>
      Object.fromEntries(
        Object.entries(databases as Record<string, { schemas: string[] }>).map(([name, each]) => [
          name,
          { ...each, schemas: each.schemas.toSorted() },
        ]),
      );
    expect(sorted(proposal.config.databases)).toEqual(sorted(decided["app-roles:databases"]));
  });

  test("the roles with their access, and no grant beyond it", () => {
    // Not known: connectionLimit, since people lowered the pools, and these services run with smaller ones.
    const known = (roles: unknown) => without(roles, "connectionLimit");
    expect(known(proposal.config.roles)).toEqual(known(decided["app-roles:roles"]));
  });

  test("the existing roles, the settings and the ceiling", () => {
    expect(proposal.config.existingRoles).toEqual(decided["app-roles:existingRoles"]);
    expect(proposal.config.defaults).toEqual(decided["app-roles:defaults"]);
    expect(proposal.config.ceiling).toBe(decided["app-roles:ceiling"]);
  });

  test("the services with their roles and migrations", () => {
    // Not known: the pool, as above; surge, which depends on how a service is deployed.
    const known = (entries: unknown) => without(entries, "pool");
    expect(known(proposal.config.services)).toEqual(known(decided["app-roles:services"]));
    const replicas = Object.values(proposal.config.services).map(({ pool }) => pool.replicas);
    expect(new Set(replicas)).toEqual(new Set([1]));
  });

  test("in an order that can only be known by risk", () => {
    const order = Object.keys(proposal.config.services);
    expect(order[0]).toBe("dashboard_api");
    expect(order.slice(4).toSorted()).toEqual(["cron", "gateway"]);
  });

  // Not known: server.host, the address that services use, and server.admin, which is the one that discover was given.
  test("all that is left to decide is what cannot be seen", () => {
    expect(proposal.decisions.map(({ path }) => path.join("."))).toEqual([
      "server.host",
      "databases.fleet_platform",
      "databases.tracksolid_db.keepOwner",
      "services.cron.migrates",
      "services.gateway.migrates",
    ]);
  });
});

test("every statement of the services is known, and every write is explained", () => {
  expect([...found.evidence].flatMap(([, { unknown }]) => unknown)).toEqual([]);
  expect(found.notes).toEqual([]);
});

test("a log with a statement of nobody is not complete: what is missing could be a write", async () => {
  const file = join(folder, "damaged.log");
  const time = "2026-01-02 03:04:05.678 UTC";
  writeFileSync(file, `${readFileSync(join(folder, "server.log"), "utf8")}${time} [99] LOG:  statement: SELECT 1\n`);
  const server = serverOf(postgres);
  const damaged = await makeDiscovery(server, { watch: 0, log: [file] }, new AbortController().signal, () => undefined);
  await server.close();
  const whole = found.needs.get("dashboard_api")?.reasons[0];
  expect([whole?.line, whole?.certainty]).toEqual(["it only reads", "certain"]);
  expect(damaged.needs.get("dashboard_api")?.reasons[0]?.certainty).toBe("likely");
});

test("the report names the evidence", () => {
  const text = discoveryReport(found, proposal, { verbose: true });
  for (const line of [
    /^ {2}access: it only reads$/m,
    /^ {2}migrates: no DDL in \d+ statements, and its start was watched$/m,
    /^ {2}migrates: ALTER TABLE tracksolid.position_history ADD COLUMN IF NOT EXISTS heading real, once, last \d\d:\d\d$/m,
    /^ {2}uses: INSERT on tracksolid.position_history, \d+ times, last \d\d:\d\d$/m,
    /^ {2}uses: SELECT on tickets.tickets through tickets.open_count, \d+ times, last/m,
    /^ {2}access: INSERT on fleet.gateway_sessions, \d+ times, last/m,
    /^ {2}breaks transaction pooling: session-level advisory locks$/m,
  ]) {
    expect(text).toMatch(line);
  }
});
