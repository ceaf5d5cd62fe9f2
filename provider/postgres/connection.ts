import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { rootCertificateProblem, rootCertificates } from "./root-certificate.ts";

/** What runs SQL: `pg`'s Client and PGlite both fit. */
export interface Queryable {
  query<Row>(text: string, values?: unknown[]): Promise<{ rows: Row[] }>;
}

/** Where the admin logs in; the fields of the `pgaccess` provider. */
export interface ServerAddress {
  host: string;
  port: number;
  user: string;
  password: string;
  /** The database for what belongs to the whole server. */
  database: string;
  /** libpq's name: disable, require, verify-ca or verify-full. */
  sslmode: string;
  /** File with the certificate of the authority that the server's is of; default PGSSLROOTCERT, else ~/.postgresql/root.crt. */
  sslrootcert?: string | undefined;
}

/** A login that Postgres or the network refused, said for the person at the keyboard. */
export class ConnectionError extends Error {
  /** SQLSTATE, or the operating system's name of the error (ECONNREFUSED). */
  readonly code: string | undefined;
  /** The message without what to do next. */
  readonly said: string;
  /** What to do next. */
  readonly next: string;
  constructor(said: string, code: string | undefined, next: string) {
    super(`${said}. ${next}`);
    this.code = code;
    this.said = said;
    this.next = next;
  }
}

const nextStep: Record<string, string> = {
  "28P01":
    "Check the admin password (app-roles:adminPassword, else PGPASSWORD). If it was changed since the last up, run one `pulumi up --refresh=false` (to destroy: `pulumi destroy --refresh=false --run-program`).",
  "28000": "Check pg_hba.conf: it has no line that lets this user in from here, or wants TLS (sslmode).",
  "3D000": "Check the database's name in app-roles:databases; it must exist before its roles are given access to it.",
  "53300":
    "Every slot is taken, the ones reserved for superusers too. Stop one service that holds idle sessions (its slots come free at once), then run this again.",
  "57P03": "The server is starting up or shutting down: wait and run this again.",
  ECONNREFUSED: "Nothing listens there: check app-roles:server.admin (host, port) and that the server is up.",
  ENOTFOUND: "The host name is not known here: check app-roles:server.admin.host.",
  ETIMEDOUT: "No answer: check app-roles:server.admin.host and the firewall between here and the server.",
};

const noPassword = "Give it with `pulumi config set --secret adminPassword`, or PGPASSWORD.";
const privateAuthority =
  "Its certificate is of an authority that is not known here: give the file of the authority's certificate (PEM) as app-roles:server.sslrootcert.";

function nextStepFor(code: string | undefined, message: string): string {
  // The same SQLSTATE as for a full server, but one limit of its own is reached.
  const limited = code === "53300" ? /for (role|database) /.exec(message)?.[1] : undefined;
  if (limited) return `Its CONNECTION LIMIT is reached: end a session of that ${limited}, or raise the limit.`;
  if (/^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_)/.test(code ?? "")) return privateAuthority;
  return (code && nextStep[code]) ?? "Check app-roles:server.admin and that the server is up.";
}

/** Times a full or starting server is tried again: three tries over about three seconds. */
const retryDelays = [1000, 2000];
const connectTimeout = 15_000;

/**
 * The admin's way to the server: one connection at any time, opened to the database that is asked for, closed before
 * another is opened. The stack promises its server two connections in all; the official provider has the other.
 */
export class Server {
  private configured: ServerAddress | undefined;
  private queue: Promise<unknown> = Promise.resolve();
  private current: { client: Client; database: string } | undefined;
  private closed = false;

  constructor(address?: ServerAddress) {
    this.configured = address;
  }

  /** Where the admin logs in. Throws while that is not known. */
  get address(): ServerAddress {
    if (!this.configured) throw new Error("the provider's configuration is not known yet: give it values, not outputs");
    return this.configured;
  }

  configure(address: ServerAddress): void {
    this.configured = address;
  }

  /**
   * Runs `work` alone on a connection to `database` (default: the admin's own). Throws ConnectionError when the login
   * fails. A transaction left open by `work` is rolled back.
   */
  session<T>(database: string | undefined, work: (db: Queryable) => Promise<T>): Promise<T> {
    return this.exclusively(() => this.on(database, work));
  }

  /** Runs `work` on the connection that is open, whatever its database: for what belongs to the whole server. */
  anySession<T>(work: (db: Queryable) => Promise<T>): Promise<T> {
    return this.exclusively(() => this.on(this.current?.database, work));
  }
  /** Runs `work` while no connection is open, so that it may open the one that is allowed. */
  withoutConnection<T>(work: () => Promise<T>): Promise<T> {
    return this.exclusively(async () => {
      await this.disconnect();
      return work();
    });
  }

  /** Cuts the connection at once: an open transaction is rolled back by the server. */
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
      if (this.closed) throw new Error("cancelled: the connection to the server was given up");
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
      throw new Error("cancelled: the connection to the server was given up");
    }
    // A lost connection is found by the next query; without a listener it would end the process.
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

/** Logs in; tries again while the server is full or starting. Throws ConnectionError. */
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
    const next = "Put the certificate of the server's authority there (PEM), or name another file.";
    throw new ConnectionError(`cannot log in to ${where}: app-roles:server.sslrootcert: ${problem}`, undefined, next);
  }
  for (let attempt = 0; ; attempt++) {
    const client = new Client({
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
      const said = `cannot log in to ${where}: ${message}${code ? ` (${code})` : ""}`;
      throw new ConnectionError(said, code, nextStepFor(code, message));
    }
  }
}

/** The code of a Postgres error (SQLSTATE) or of the operating system's; undefined when there is none. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const code = "code" in error ? error.code : undefined;
  if (typeof code === "string") return code;
  // Node reports a host with several addresses as one error that holds the others.
  return error instanceof AggregateError ? codeOf(error.errors[0]) : undefined;
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") return messageOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}

/** What every admin session starts with. */
async function prepare(client: Client): Promise<void> {
  // One message: each round trip delays every resource.
  await client.query(
    [
      // Names print with their schema, and no object of the user's can stand in for a catalog's.
      "SET search_path = pg_catalog, pg_temp",
      // Settings that were made for ordinary sessions of this user must not cut a reconciliation short.
      "SET statement_timeout = 0",
      "SET idle_in_transaction_session_timeout = 0",
      "SET idle_session_timeout = 0",
      "SET default_transaction_read_only = off",
      // What is said to be done survives a crash of the server, also where the application's commits need not.
      "SELECT set_config('synchronous_commit', 'local', false) WHERE current_setting('synchronous_commit') = 'off'",
    ].join("; "),
  );
  // So that the server notices a plugin that died while its statement waits for a lock; refused on some platforms.
  await client.query("SET client_connection_check_interval = '1s'").catch((error: unknown) => {
    if (codeOf(error) !== "22023") throw error;
  });
}

function destroy(client: Client): void {
  // `end` would wait for the statement that is running.
  (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
}

/**
 * libpq's sslmode for `pg`: `require` encrypts without asking who answers, unless there is a root certificate: then it is
 * `verify-ca`, as with libpq and the official provider's driver. `verify-ca` trusts any name.
 */
function tls({ sslmode, sslrootcert }: ServerAddress): false | object {
  if (sslmode === "disable") return false;
  const ca = rootCertificates(sslrootcert);
  if (sslmode === "require" && ca === undefined) return { rejectUnauthorized: false };
  return { ...(ca && { ca }), ...(sslmode !== "verify-full" && { checkServerIdentity: () => undefined }) };
}
