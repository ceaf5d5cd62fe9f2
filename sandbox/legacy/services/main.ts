/**
 * One of the six legacy services as a process: `DATABASE_URL=... node main.ts NAME --pool SESSIONS [--listen PORT]`.
 * DATABASE_URL_FILE can name a file with the URL instead. It runs its own requests or, with a port, those of HTTP clients,
 * until SIGTERM or until its parent process ends. Exits with 1 if its migrations fail.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Client, Pool } from "pg";
import { codeOf } from "../../../provider/postgres/connection.ts";
import { statements } from "../index.ts";
import { definitions, type ServiceName } from "./definitions.ts";
import { type Failure, isTransient, type ServiceEvent } from "./events.ts";

/** Milliseconds between two requests. */
const pause = 300;
const attempts = 10;
/** Milliseconds between two attempts. */
const retryAfter = 200;
/** The advisory lock of run_migrations.py, with which one service at a time runs its DDL. */
const migrationLock = 8_041;

const { name, sessions, port } = parseArguments();
const definition = definitions[name];
const { DATABASE_URL, DATABASE_URL_FILE } = process.env;
const connectionString = DATABASE_URL_FILE ? readFileSync(DATABASE_URL_FILE, "utf8") : DATABASE_URL;
if (!connectionString) throw new Error(`${name} needs DATABASE_URL or DATABASE_URL_FILE`);

const counts = { requests: 0, failed: 0, refused: 0 };
let stopping = false;
process.on("SIGTERM", () => {
  stopping = true;
});
process.on("disconnect", () => {
  stopping = true;
});

if (definition.migrates) await migrate(connectionString);

const pool = new Pool({ connectionString, application_name: name, max: sessions, idleTimeoutMillis: 0 });
pool.on("error", (error) => print({ event: "session lost", ...failure(error) }));
let serving = false;
let close: (() => Promise<void>) | undefined;
while (!stopping) {
  const full = await fill();
  if (full && !serving) {
    if (port !== undefined) close = await listen(port, request);
    print({ event: "serving", sessions });
    serving = true;
  }
  if (port === undefined) await request();
  await sleep(pause);
}
await close?.();
await pool.end();
print({ event: "stopped", ...counts });
// The IPC channel to the parent process would keep this one running.
process.exit(0);

/** Runs the statements of run_migrations.py in a separate session, as that script does. */
async function migrate(url: string): Promise<void> {
  const db = await retried(async () => {
    const client = new Client({ connectionString: url, application_name: name });
    await client.connect();
    return client;
  }).catch(fail);
  try {
    await db.query("SELECT pg_advisory_lock($1)", [migrationLock]);
    for (const statement of statements("migrations.sql")) await db.query(statement);
  } catch (error) {
    fail(error);
  }
  await db.end();
  print({ event: "migrated" });
}

function fail(error: unknown): never {
  print({ event: "migration failed", ...failure(error) });
  process.exit(1);
}

/** Opens the pool's missing sessions. Returns false if the server refused one. */
async function fill(): Promise<boolean> {
  if (pool.totalCount === sessions) return true;
  const opened = await Promise.allSettled(Array.from({ length: sessions }, () => pool.connect()));
  for (const session of opened) if (session.status === "fulfilled") session.value.release();
  const refusal = opened.find((session) => session.status === "rejected");
  if (!refusal) return true;
  counts.refused++;
  print({ event: "refused", ...failure(refusal.reason) });
  return false;
}

/** Returns false if the request failed. */
async function request(): Promise<boolean> {
  counts.requests++;
  const began = performance.now();
  try {
    await retried(() => definition.request(pool));
    print({ event: "request served", milliseconds: Math.round(performance.now() - began) });
    return true;
  } catch (error) {
    counts.failed++;
    print({ event: "request failed", ...failure(error) });
    return false;
  }
}

/** Retries transient failures for a short time. Throws any other failure, and one that persists. */
async function retried<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const reason = failure(error);
      if (stopping || attempt === attempts || !isTransient(reason)) throw error;
      counts.refused++;
      print({ event: "refused", ...reason });
      await sleep(retryAfter);
    }
  }
}

function failure(error: unknown): Failure {
  return { code: codeOf(error), message: error instanceof Error ? error.message : String(error) };
}

type Printed = ServiceEvent extends infer E ? (E extends ServiceEvent ? Omit<E, "service" | "at"> : never) : never;

function print(event: Printed): void {
  process.stdout.write(`${JSON.stringify({ at: new Date().toISOString(), service: name, ...event })}\n`);
}

function parseArguments(): { name: ServiceName; sessions: number; port: number | undefined } {
  const { values, positionals } = parseArgs({
    options: { pool: { type: "string" }, listen: { type: "string" } },
    allowPositionals: true,
  });
  const wanted = positionals[0];
  if (!isService(wanted)) {
    throw new Error(`usage: main.ts ${Object.keys(definitions).join("|")} [--pool SESSIONS] [--listen PORT]`);
  }
  const pool = Number(values.pool ?? definitions[wanted].legacyPool);
  if (!Number.isInteger(pool) || pool < 1)
    throw new Error(`--pool must be an integer of at least 1, found ${values.pool}`);
  return { name: wanted, sessions: pool, port: values.listen === undefined ? undefined : Number(values.listen) };
}

function isService(wanted: string | undefined): wanted is ServiceName {
  return wanted !== undefined && Object.hasOwn(definitions, wanted);
}

/**
 * Listens for HTTP requests and runs one of the service's requests for each: status 200 if it was served, else 500. Returns
 * a function that stops listening and resolves once all current requests have a response.
 */
export async function listen(port: number, request: () => Promise<boolean>): Promise<() => Promise<void>> {
  const server = createServer(async ({ url }, response) => {
    response.shouldKeepAlive = false;
    response.writeHead(url === "/healthy" || (await request()) ? 200 : 500).end();
  });
  server.listen(port);
  await once(server, "listening");
  return async () => {
    server.close();
    await once(server, "close");
  };
}
