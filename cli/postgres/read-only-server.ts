import { escapeLiteral } from "pg";
import { type Queryable, Server } from "../../provider/postgres/connection.ts";
import { explainLogin } from "./login-error.ts";
import type { NamedBy, NamedServer } from "./named-server.ts";

/** A server whose sessions cannot write: a command that only looks must not change anything, even by mistake. */
export class ReadOnlyServer extends Server {
  readonly #namedBy: NamedBy;
  readonly #settings: string;
  readonly #prepared = new WeakSet<Queryable>();

  /** @param settings further settings of its sessions, such as `{ lock_timeout: "2s" }` */
  constructor({ address, namedBy }: NamedServer, settings: Record<string, string> = {}) {
    super(address);
    this.#namedBy = namedBy;
    this.#settings = Object.entries({ ...settings, default_transaction_read_only: "on" })
      .map(([name, value]) => `SET ${name} = ${escapeLiteral(value)}`)
      .join("; ");
  }

  override session<T>(database: string | undefined, work: (db: Queryable) => Promise<T>): Promise<T> {
    return super.session(database, (db) => this.#readOnly(db, work)).catch(this.#explain);
  }

  override anySession<T>(work: (db: Queryable) => Promise<T>): Promise<T> {
    return super.anySession((db) => this.#readOnly(db, work)).catch(this.#explain);
  }

  readonly #explain = (error: unknown): never => {
    throw explainLogin(error, this.#namedBy);
  };

  async #readOnly<T>(db: Queryable, work: (db: Queryable) => Promise<T>): Promise<T> {
    if (!this.#prepared.has(db)) {
      await db.query(this.#settings);
      this.#prepared.add(db);
    }
    return work(db);
  }
}
