import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { appendFile, chown, cp, mkdtemp, open, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { cacheDirectory, makeOnce } from "../cache.ts";
import { type Guarded, guard } from "../guard.ts";
import { run } from "../process.ts";
import { installedSoftware, type Software } from "./software.ts";

export interface PostgresOptions {
  /** The major version, one of `availableVersions()`. @default the embedded one */
  version?: number;
  /** @default 100, as on the runbook's server and in PostgreSQL itself */
  maxConnections?: number;
  /** Server settings by name, as in postgresql.conf. They override the sandbox's own settings. */
  settings?: Record<string, string | number | boolean>;
  /** Whether the server is a hot standby, which is read-only. @default false */
  isStandby?: boolean;
  /** The server appends its log to this file, which is kept. @default a file that is removed with the server */
  logFile?: string;
  /** The superuser's password. @default one that servers of this machine share, because their data folders are copies */
  password?: string;
}

/** A private, running server. */
export interface Postgres {
  version: number;
  host: string;
  port: number;
  /** The superuser's name, `postgres`. */
  user: string;
  password: string;
  logFile: string;
  /** A connection string of the superuser. @param database default `postgres` */
  url(database?: string): string;
  /** Terminates all sessions (57P01), shuts the server down and removes it. Calling it again does nothing. */
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
 * Starts a PostgreSQL server on a free port of the loopback interface. A guard process stops and removes it when this
 * process ends for any reason, including kill -9. If this process is root, the server runs as another user.
 *
 * @throws if the version is not installed, or with the server's log if it does not start
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

/** Another process took the port between its selection and the start of the server. */
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
  const initial = await initialize(software.version, home, account, directory);
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
  // Reads the open file, since the guard of a failed server has already removed it.
  const logged = async (): Promise<string> => {
    const said = Buffer.alloc((await log.stat()).size - before);
    await log.read(said, 0, said.length, before);
    return said.toString();
  };
  try {
    await ready(server, data, logged);
  } finally {
    await log.close();
  }
  const { password = initial } = options;
  if (password !== initial) await setPassword(port, initial, password);
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
  throw new Error(
    `PostgreSQL ${version} is not installed on this machine; installed: ${availableVersions().join(", ")}`,
  );
}

/** The software's folder, or a copy if the server's account has no access to it, for example in root's home folder. */
async function reachableHome(software: Software, account: Account | undefined, directory: string): Promise<string> {
  if (!account) return software.home;
  try {
    await run(join(software.home, "bin/postgres"), ["--version"], account);
    return software.home;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EACCES") throw error;
    const copy = join(directory, "software");
    await cp(software.home, copy, { recursive: true, verbatimSymlinks: true });
    // The guard runs as that account and must be able to remove the copy.
    await run("chown", ["-R", `${account.uid}:${account.gid}`, copy]);
    return copy;
  }
}

/**
 * Creates the data folder and returns the superuser's password. initdb runs once per machine and version, since it takes ten
 * times as long as a copy of its result in the cache.
 */
async function initialize(
  version: number,
  home: string,
  account: Account | undefined,
  directory: string,
): Promise<string> {
  // The size tells builds of a version apart; clones of the project have their own copies of the same build.
  const { size } = await stat(join(home, "bin/postgres"));
  const cached = join(cacheDirectory(), "initdb", [version, size, account?.uid ?? "own"].join("-"));
  const data = join(directory, "data");
  await makeOnce(
    cached,
    async (partial) => {
      const password = randomBytes(24).toString("hex");
      // The account may have no access to the cache.
      await initdb(home, account, directory, password);
      await copy(data, join(partial, "data"));
      await rm(data, { recursive: true });
      await writeFile(join(partial, "password"), password, { mode: 0o600 });
    },
    () => undefined,
  );
  await copy(join(cached, "data"), data);
  return readFile(join(cached, "password"), "utf8");
}

/** Copies a folder with its owners and modes. */
async function copy(from: string, to: string): Promise<void> {
  const { code, stderr } = await run("cp", ["-Rp", from, to]);
  if (code !== 0) throw new Error(`cp failed with exit code ${code}: ${stderr}`);
}

async function initdb(home: string, account: Account | undefined, directory: string, password: string): Promise<void> {
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
  // If TimescaleDB is installed, the estate has hypertables, which need its library at server start.
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
    // The data does not have to survive a crash.
    fsync: "off",
    synchronous_commit: "off",
    full_page_writes: "off",
    // Compiling the queries of a small catalog takes longer than running them.
    jit: "off",
    ...options.settings,
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${quoted(String(value))}\n`)
    .join("");
}

/** Quotes a value for postgresql.conf, where quotes are doubled and a backslash escapes. */
function quoted(value: string): string {
  return `'${value.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
}

/** Waits until the server reports in its pid file that it accepts connections, as pg_ctl does. */
async function ready(server: Guarded, data: string, logged: () => Promise<string>): Promise<void> {
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
    const said = await logged();
    if (/could not bind/.test(said)) throw new PortTaken();
    throw new Error(`PostgreSQL did not start (exit code ${ended}):\n${said}`);
  }
  await Promise.all([server.end(), noteEnd]);
  throw new Error(`PostgreSQL was not ready after ${START_SECONDS} s`);
}

async function setPassword(port: number, current: string, password: string): Promise<void> {
  const client = new pg.Client({ host: HOST, port, user: USER, database: USER, password: current });
  await client.connect();
  try {
    // The statement has the password.
    await client.query("SET log_statement = 'none'");
    await client.query(`ALTER ROLE ${pg.escapeIdentifier(USER)} PASSWORD ${pg.escapeLiteral(password)}`);
  } finally {
    await client.end();
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, HOST);
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (address === null || typeof address === "string") throw new Error("the system assigned no port");
  return address.port;
}

/** An operating system account. */
export interface Account {
  uid: number;
  gid: number;
}

/**
 * The account for a server if this process is root, since PostgreSQL refuses to run as root: `postgres` if it exists, else
 * `nobody`. Undefined if this process is not root: the server runs as the same user.
 */
export async function serverAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ["postgres", "nobody"]) {
    const [uid, gid] = await Promise.all([run("id", ["-u", name]), run("id", ["-g", name])]);
    if (uid.code === 0 && gid.code === 0) return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  }
  throw new Error(
    "PostgreSQL does not run as root, and neither the user postgres nor nobody exists: run this as another user",
  );
}
