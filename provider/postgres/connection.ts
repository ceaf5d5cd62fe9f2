import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { rootCertificateProblem, rootCertificates } from "./root-certificate.ts";

/** Runs SQL; a `pg` Client and PGlite both fit. */
export interface Queryable {
  query<Row>(text: string, values?: unknown[]): Promise<{ rows: Row[] }>;
}

/** Address and login of the admin; the configuration of the `pgaccess` provider. */
export interface ServerAddress {
  host: string;
  port: number;
  user: string;
  password: string;
  /** The database for queries about the whole server. */
  database: string;
  /** As in libpq: disable, require, verify-ca or verify-full. */
  sslmode: string;
  /** File with the certificate of the server's authority. Default: see rootCertificates. */
  sslrootcert?: string | undefined;
}

/** A login that Postgres or the network refused, with a message for the user. */
export class ConnectionError extends Error {
  /** SQLSTATE, or the operating system's error code (ECONNREFUSED). */
  readonly code: string | undefined;
  /** The message without the next step. */
  readonly reason: string;
  /** The next step for the user. */
  readonly next: string;
  constructor(reason: string, code: string | undefined, next: string) {
    super(`${reason}. ${next}`);
    this.code = code;
    this.reason = reason;
    this.next = next;
  }
}

const nextStep: Record<string, string> = {
  "28P01":
    "Check the admin password (app-roles:adminPassword, else PGPASSWORD). If it was changed since the last up, run one `pulumi up --refresh=false` (to destroy: `pulumi destroy --refresh=false --run-program`).",
  "28000": "Check pg_hba.conf: it has no line that admits this user from here, or requires TLS (sslmode).",
  "42501": "GRANT CONNECT on the database to this user, or log in as another one.",
  "3D000": "Check the database's name in app-roles:databases; it must exist before its roles are given access to it.",
  "53300":
    "All connection slots are in use, including those reserved for superusers. Stop a service that holds idle sessions, which frees its slots immediately, then run this again.",
  "57P03": "The server is starting up or shutting down: wait and run this again.",
  ECONNREFUSED: "No server listens there: check app-roles:server.admin (host, port) and that the server is up.",
  ENOTFOUND: "The host name cannot be resolved: check app-roles:server.admin.host.",
  ETIMEDOUT: "No answer: check app-roles:server.admin.host and any firewall in between.",
};

const cannotLogin = "Check the user's name; the role must exist and have LOGIN.";
const noPassword = "Give it with `pulumi config set --secret adminPassword`, or PGPASSWORD.";
const privateAuthority =
  "Its certificate is from an unknown authority: set app-roles:server.sslrootcert to the file with the authority's certificate (PEM).";

function nextStepFor(code: string | undefined, message: string): string {
  // A CONNECTION LIMIT has the same SQLSTATE as a full server.
  const limited = code === "53300" ? /for (role|database) /.exec(message)?.[1] : undefined;
  if (limited) return `Its CONNECTION LIMIT is reached: end a session of that ${limited}, or raise the limit.`;
  if (code === "28000" && /^role /.test(message)) return cannotLogin;
  if (/^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_)/.test(code ?? "")) return privateAuthority;
  return (code && nextStep[code]) ?? "Check app-roles:server.admin and that the server is up.";
}

/** Milliseconds before each retry when the server is full or starting: three tries in about three seconds. */
const retryDelays = [1000, 2000];
const connectTimeout = 15_000;

/**
 * The admin's connection to the server: at most one at any time, closed before one to another database is opened. The stack
 * uses at most two connections; the official provider has the other.
 */
export class Server {
  private configured: ServerAddress | undefined;
  private queue: Promise<unknown> = Promise.resolve();
  private current: { client: Client; database: string } | undefined;
  private closed = false;

  constructor(address?: ServerAddress) {
    this.configured = address;
  }

  /** The admin's address and login. Throws before they are configured. */
  get address(): ServerAddress {
    if (!this.configured) throw new Error("the provider's configuration is not known yet: give it values, not outputs");
    return this.configured;
  }

  configure(address: ServerAddress): void {
    this.configured = address;
  }

  /**
   * Runs `work` alone on a connection to `database` (default: the admin's database). Throws ConnectionError if the login
   * fails. A transaction that `work` leaves open is rolled back.
   */
  session<T>(database: string | undefined, work: (db: Queryable) => Promise<T>): Promise<T> {
    return this.exclusively(() => this.on(database, work));
  }

  /** Runs `work` on the open connection, in any database: for queries about the whole server. */
  anySession<T>(work: (db: Queryable) => Promise<T>): Promise<T> {
    return this.exclusively(() => this.on(this.current?.database, work));
  }

  /** Runs `work` while no connection is open, so that it can open one itself. */
  withoutConnection<T>(work: () => Promise<T>): Promise<T> {
    return this.exclusively(async () => {
      await this.disconnect();
      return work();
    });
  }

  /** Closes the connection immediately; the server rolls back an open transaction. */
  async close(): Promise<void> {
    this.closed = true;
    const client = this.current?.client;
    this.current = undefined;
    if (client) destroy(client);
  }

  private async on<T>(database: string | undefined, work: (db: Queryable) => Promise<T>): Promise<T> {
    const client = await this.connect(database ?? this.address.database);
    let done = false;
    try {
      const result = await work(client);
      done = true;
      return result;
    } finally {
      if (!done) await client.query("ROLLBACK").catch(() => this.disconnect());
    }
  }

  private exclusively<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.queue.then(() => {
      if (this.closed) throw new Error("cancelled: the connection to the server was closed");
      return work();
    });
    this.queue = mine.catch(() => undefined);
    return mine;
  }

  private async connect(database: string): Promise<Client> {
    if (this.current?.database === database) return this.current.client;
    await this.disconnect();
    const client = await login(this.address, database, "app-roles");
    if (this.closed) {
      destroy(client);
      throw new Error("cancelled: the connection to the server was closed");
    }
    // The next query reports a lost connection; without a listener the event would end the process.
    client.on("error", () => {
      if (this.current?.client === client) this.current = undefined;
    });
    this.current = { client, database };
    await prepare(client);
    return client;
  }

  private async disconnect(): Promise<void> {
    const client = this.current?.client;
    this.current = undefined;
    await client?.end().catch(() => undefined);
  }
}

/** Logs in, and retries while the server is full or starting. Throws ConnectionError. */
export async function login(
  address: ServerAddress,
  database: string,
  applicationName: string,
  { delays = retryDelays, timeout = connectTimeout }: { delays?: number[]; timeout?: number } = {},
): Promise<Client> {
  const where = `Postgres at ${address.host}:${address.port}, database ${database}, as ${address.user}`;
  const { sslmode, sslrootcert } = address;
  const problem = sslmode === "disable" || sslrootcert === undefined ? undefined : rootCertificateProblem(sslrootcert);
  if (problem !== undefined) {
    const next =
      "Put the certificate of the server's authority (PEM) there, or set app-roles:server.sslrootcert to another file.";
    throw new ConnectionError(`cannot log in to ${where}: ${problem}`, undefined, next);
  }
  // Loaded here, because the engine starts a second plugin for a preview, which never logs in.
  const pg = await import("pg");
  for (let attempt = 0; ; attempt++) {
    const client = new pg.Client({
      host: address.host,
      port: address.port,
      user: address.user,
      password: address.password,
      database,
      ssl: tls(address),
      application_name: applicationName,
      connectionTimeoutMillis: timeout,
    });
    client.on("error", () => undefined);
    try {
      await client.connect();
      return client;
    } catch (error) {
      destroy(client);
      const code = codeOf(error);
      const delay = delays[attempt];
      if ((code === "53300" || code === "57P03") && delay !== undefined) {
        await sleep(delay);
        continue;
      }
      const message = messageOf(error);
      if (/client password must be/.test(message)) {
        throw new ConnectionError(
          `cannot log in to ${where}: it asks for a password, and there is none`,
          code,
          noPassword,
        );
      }
      const reason = `cannot log in to ${where}: ${message}${code ? ` (${code})` : ""}`;
      throw new ConnectionError(reason, code, nextStepFor(code, message));
    }
  }
}

/** The SQLSTATE of a Postgres error, or the operating system's error code; undefined for other errors. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const code = "code" in error ? error.code : undefined;
  if (typeof code === "string") return code;
  // For a host with several addresses Node throws one error that contains the others.
  return error instanceof AggregateError ? codeOf(error.errors[0]) : undefined;
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") return messageOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}

/** Sets up an admin session. */
async function prepare(client: Client): Promise<void> {
  // One message, because each round trip delays every resource.
  await client.query(
    [
      // Names are printed with their schema, and no user object can shadow a catalog.
      "SET search_path = pg_catalog, pg_temp",
      // Timeouts set for other sessions of this user must not end a reconciliation.
      "SET statement_timeout = 0",
      "SET idle_in_transaction_session_timeout = 0",
      "SET idle_session_timeout = 0",
      "SET default_transaction_read_only = off",
      // The planner overestimates queries on the catalog, and compiling one takes seconds.
      "SET jit = off",
      // Changes reported as done must survive a crash of the server, even if the application's commits do not wait for the disk.
      "SELECT set_config('synchronous_commit', 'local', false) WHERE current_setting('synchronous_commit') = 'off'",
    ].join("; "),
  );
  // Lets the server notice that the plugin died while its statement waits for a lock; not supported on every platform.
  await client.query("SET client_connection_check_interval = '1s'").catch((error: unknown) => {
    if (codeOf(error) !== "22023") throw error;
  });
}

function destroy(client: Client): void {
  // `end` would wait for the running statement.
  (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
}

/**
 * libpq's sslmode for `pg`. `require` encrypts without verification, unless there is a root certificate: then it means
 * `verify-ca`, as in libpq and the official provider's driver. `verify-ca` accepts any host name.
 */
function tls({ sslmode, sslrootcert }: ServerAddress): false | object {
  if (sslmode === "disable") return false;
  const ca = rootCertificates(sslrootcert, sslmode !== "require");
  if (sslmode === "require" && ca === undefined) return { rejectUnauthorized: false };
  return { ...(ca && { ca }), ...(sslmode !== "verify-full" && { checkServerIdentity: () => undefined }) };
}
