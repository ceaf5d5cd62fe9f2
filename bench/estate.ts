import pg from "pg";
import type { Call } from "../provider/rpc/provider.ts";
import type { Postgres } from "../sandbox/postgres/server.ts";

/** The number of objects to grant on. */
export interface Size {
  roles: number;
  schemas: number;
  /** In each schema. */
  tables: number;
}

export const schemaNames = ({ schemas }: Size): string[] => Array.from({ length: schemas }, (_, i) => `app${i}`);
export const roleNames = (prefix: string, { roles }: Size): string[] =>
  Array.from({ length: roles }, (_, i) => `${prefix}_${i}`);

/** A database with tables, and login roles without privileges. */
export async function createDatabase(server: Postgres, name: string, size: Size): Promise<pg.Client> {
  const admin = new pg.Client({ connectionString: server.url() });
  await admin.connect();
  await admin.query(`CREATE DATABASE ${name}`);
  for (const role of roleNames(name, size)) await admin.query(`CREATE ROLE ${role} LOGIN CONNECTION LIMIT 1`);
  await admin.end();
  const db = new pg.Client({ connectionString: server.url(name) });
  await db.connect();
  for (const schema of schemaNames(size)) {
    await db.query(`CREATE SCHEMA ${schema}`);
    await db.query(
      `DO $$ BEGIN FOR i IN 1..${size.tables} LOOP EXECUTE format('CREATE TABLE ${schema}.t%s (id int)', i); END LOOP; END $$`,
    );
  }
  await db.query("ANALYZE");
  return db;
}

/** The duration of `work` in milliseconds. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

const silent = () => undefined;

/** A call like the engine's, without progress output. */
export const silentCall: Call = {
  urn: "",
  name: "bench",
  report: { info: silent, warn: silent, progress: silent },
  signal: new AbortController().signal,
};
