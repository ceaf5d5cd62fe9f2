import { type Queryable, Server } from "../../provider/postgres/connection.ts";

/** A server whose sessions cannot write: a command that only looks must not change anything, even by mistake. */
export class ReadOnlyServer extends Server {
  override session<T>(database: string | undefined, work: (db: Queryable) => Promise<T>): Promise<T> {
    return super.session(database, (db) => readOnly(db, work));
  }

  override anySession<T>(work: (db: Queryable) => Promise<T>): Promise<T> {
    return super.anySession((db) => readOnly(db, work));
  }
}

async function readOnly<T>(db: Queryable, work: (db: Queryable) => Promise<T>): Promise<T> {
  await db.query("SET default_transaction_read_only = on");
  return work(db);
}
