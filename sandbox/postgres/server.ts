import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { appendFile, chown, cp, mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Guarded, guard } from "../guard.ts";
import { run } from "../process.ts";
import { type Account, serverAccount } from "./account.ts";
import { installedSoftware, type Software } from "./software.ts";

export interface PostgresOptions {
  /** The major version, one of `availableVersions()`. @default the embedded one */
  version?: number;
  /** How many sessions the server takes. @default 100, as the runbook's server and PostgreSQL itself */
  maxConnections?: number;
  /** Server settings by name, as in postgresql.conf; they win over what the sandbox sets for speed. */
  settings?: Record<string, string | number | boolean>;
  /** Whether it is a hot standby, which can be read only. @default false */
  isStandby?: boolean;
  /** Where the server's log is appended to; it stays there. @default a file that goes with the server */
  logFile?: string;
}

/** A running server of its own, with an empty cluster. */
export interface Postgres {
  version: number;
  host: string;
  port: number;
  /** The superuser, `postgres`. */
  user: string;
  password: string;
  logFile: string;
  /** A connection string of the superuser. @param database default `postgres` */
  url(database?: string): string;
  /** Shuts the server down, ending its sessions (57P01), and removes it. May be called again. */
  stop(): Promise<void>;
}

const HOST = "127.0.0.1";
const USER = "postgres";
const START_SECONDS = 60;

/** The major versions that `startPostgres` can start on this machine, newest first. */
export function availableVersions(): number[] {
  return installedSoftware().map(({ version }) => version);
}

/**
 * Starts a PostgreSQL server on a free port of the loopback interface. It is stopped and removed when this process ends,
 * however it ends (exit, Ctrl-C, SIGTERM, kill -9): a guard process waits for that. As root it runs as another user.
 *
 * @throws when the version is not there, or with the server's last words when it does not start
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<Postgres> {
  const software = choose(options.version);
  const account = await serverAccount();
  for (;;) {
    const directory = await mkdtemp(join(tmpdir(), "app-roles-postgres-"));
    try {
      return await startIn(directory, software, account, options);
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      if (!(error instanceof PortTaken)) throw error;
    }
  }
}

/** Somebody else took the port between its choice and the server's start. */
class PortTaken extends Error {}

async function startIn(
  directory: string,
  software: Software,
  account: Account | undefined,
  options: PostgresOptions,
): Promise<Postgres> {
  if (account) await chown(directory, account.uid, account.gid);
  const home = await reachableHome(software, account, directory);
  const data = join(directory, "data");
  const password = randomBytes(24).toString("hex");
  await initialize(home, account, directory, password);
  const port = await freePort();
  await appendFile(join(data, "postgresql.conf"), configuration(port, home, options));
  if (options.isStandby) await appendFile(join(data, "standby.signal"), "");

  const logFile = options.logFile ?? join(directory, "server.log");
  const log = await open(logFile, "a+", 0o600);
  const before = (await log.stat()).size;
  const server = guard(directory, [join(home, "bin/postgres"), "-D", data], {
    ...account,
    cwd: directory,
    output: log.fd,
  });
  // Read by its handle: the guard of a server that failed has removed the file already.
  const words = async (): Promise<string> => {
    const said = Buffer.alloc((await log.stat()).size - before);
    await log.read(said, 0, said.length, before);
    return said.toString();
  };
  try {
    await ready(server, data, words);
  } finally {
    await log.close();
  }
  return {
    version: software.version,
    host: HOST,
    port,
    user: USER,
    password,
    logFile,
    url: (database = USER) => `postgresql://${USER}:${password}@${HOST}:${port}/${encodeURIComponent(database)}`,
    stop: server.end,
  };
}

function choose(version: number | undefined): Software {
  const installed = installedSoftware();
  const found = installed.find((each) => (version === undefined ? each.isDefault : each.version === version));
  if (found) return found;
  throw new Error(`PostgreSQL ${version} is not on this machine; there is ${availableVersions().join(", ")}`);
}

/** The software's folder, or a copy when the server's account may not enter it, as below root's home. */
async function reachableHome(software: Software, account: Account | undefined, directory: string): Promise<string> {
  if (!account) return software.home;
  try {
    await run(join(software.home, "bin/postgres"), ["--version"], account);
    return software.home;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EACCES") throw error;
    const copy = join(directory, "software");
    await cp(software.home, copy, { recursive: true, verbatimSymlinks: true });
    // The guard runs as that account: what it cannot remove would stay.
    await run("chown", ["-R", `${account.uid}:${account.gid}`, copy]);
    return copy;
  }
}

async function initialize(home: string, account: Account | undefined, directory: string, password: string) {
  const passwordFile = join(directory, "password");
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (account) await chown(passwordFile, account.uid, account.gid);
  const { code, stderr } = await run(
    join(home, "bin/initdb"),
    [
      `--pgdata=${join(directory, "data")}`,
      `--username=${USER}`,
      `--pwfile=${passwordFile}`,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      "--locale=C",
      "--wal-segsize=1",
      "--no-sync",
    ],
    { ...account, cwd: directory },
  );
  await rm(passwordFile);
  if (code !== 0) throw new Error(`initdb failed with exit code ${code}: ${stderr}`);
}

function configuration(port: number, home: string, options: PostgresOptions): string {
  // Where it is installed, the estate has hypertables: its library must be loaded at the start.
  const timescale = existsSync(join(home, "lib/timescaledb.so"))
    ? { shared_preload_libraries: "timescaledb", "timescaledb.telemetry_level": "off" }
    : {};
  const settings = {
    ...timescale,
    listen_addresses: HOST,
    port,
    unix_socket_directories: "",
    max_connections: options.maxConnections ?? 100,
    shared_buffers: "32MB",
    // Nothing here has to survive a crash.
    fsync: "off",
    synchronous_commit: "off",
    full_page_writes: "off",
    ...options.settings,
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${quoted(String(value))}\n`)
    .join("");
}

/** A value in postgresql.conf, where quotes are doubled and a backslash escapes. */
function quoted(value: string): string {
  return `'${value.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
}

/** Waits until the server says in its pid file that it takes sessions (pg_ctl waits for the same). */
async function ready(server: Guarded, data: string, words: () => Promise<string>): Promise<void> {
  let ended: number | undefined;
  const noteEnd = server.ended.then((code) => {
    ended = code;
  });
  const STATUS_LINE = 7;
  const pidFile = join(data, "postmaster.pid");
  for (const deadline = Date.now() + START_SECONDS * 1000; Date.now() < deadline; await sleep(10)) {
    const status = existsSync(pidFile) ? readFileSync(pidFile, "utf8").split("\n")[STATUS_LINE] : undefined;
    if (status?.trim() === "ready" || status?.trim() === "standby") return;
    if (ended === undefined) continue;
    const said = await words();
    if (/could not bind/.test(said)) throw new PortTaken();
    throw new Error(`PostgreSQL did not start (exit code ${ended}):\n${said}`);
  }
  await Promise.all([server.end(), noteEnd]);
  throw new Error(`PostgreSQL was not ready after ${START_SECONDS} s`);
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, HOST);
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}
