import { ConnectionError, codeOf, type Queryable, Server } from "../../provider/postgres/connection.ts";

/** The name under which a discovery appears in pg_stat_activity. */
const applicationName = "app-roles discover";

/** A server whose sessions can only read, wait for no lock and are named for other admins. */
export class ReadOnlyServer extends Server {
  readonly #prepared = new WeakSet<Queryable>();

  override session<T>(database: string | undefined, work: (db: Queryable) => Promise<T>): Promise<T> {
    return super.session(database, (db) => this.#readOnly(db, work));
  }

  override anySession<T>(work: (db: Queryable) => Promise<T>): Promise<T> {
    return super.anySession((db) => this.#readOnly(db, work));
  }

  async #readOnly<T>(db: Queryable, work: (db: Queryable) => Promise<T>): Promise<T> {
    if (!this.#prepared.has(db)) {
      await db.query(
        `SET application_name = '${applicationName}'; SET default_transaction_read_only = on; ` +
          "SET statement_timeout = '1min'; SET lock_timeout = '2s'",
      );
      this.#prepared.add(db);
    }
    return work(db);
  }
}

/** Whether the server is full, went away or ended the session, so that the same look can succeed later. */
export function isLostConnection(error: unknown): boolean {
  if (error instanceof ConnectionError && error.code === undefined) return false;
  const message = error instanceof Error ? error.message : "";
  return (
    /^(08|53300|57P0[1-5]|ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)/.test(codeOf(error) ?? "") ||
    /Connection terminated|connection is closed|not queryable|timeout expired/i.test(message)
  );
}
