import type pg from "pg";

/** What a released version leaves behind, with placeholders for values that differ in every run. */
export interface Kept {
  /** Input of `pulumi stack import`; secrets in clear text. */
  state: { version: number; deployment: { secrets_providers?: unknown; resources: Resource[] } };
  /** Pulumi.prod.yaml. */
  stackFile: string;
  /** The files that the stack and its services wrote, by path. */
  files: Record<string, { mode: number; text: string }>;
  /** Its changes on the server, in order. */
  statements: Statement[];
}

export interface Resource {
  urn: string;
  type: string;
  inputs?: Snapshotted & { database?: string };
  outputs?: Snapshotted;
}

/** A Baseline's: object to catalog and OID. */
interface Snapshotted {
  snapshot?: { ids: Record<string, string> };
}

export interface Statement {
  database: string;
  sql: string;
}

/** Values that differ in every run. */
export interface Place {
  /** The project's folder. */
  dir: string;
  port: number;
  /** The superuser's. */
  password: string;
}

/** A superuser's client in one of the databases. */
export type Connect = (database: string) => Promise<pg.Client>;

/** Run before the first `up`: the official plugin reads timeouts in milliseconds only, which an adopted role must have already. */
export const preparation = "ALTER ROLE analytics_ro SET statement_timeout = 300000";

/** With placeholders for values that differ in every run. */
export async function blanked(kept: Kept, { dir, port, password }: Place, connect: Connect): Promise<Kept> {
  const addressed = await withIds(kept, connect, async (db, id) => {
    const [catalog, oid] = id.split("/");
    const { rows } = await db.query(
      "SELECT type, object_names AS names, object_args AS args FROM pg_identify_object_as_address($1::regclass, $2, 0)",
      [catalog, oid],
    );
    return `${catalog}/${JSON.stringify(rows[0])}`;
  });
  return replaced(addressed, [
    [dir, "{{dir}}"],
    [password, "{{password}}"],
    // Not if the same digits are part of a password or a time.
    [new RegExp(`(?<![\\w+])${port}(?![\\w+])`, "g"), "{{port}}"],
  ]);
}

/** With this run's values instead of the placeholders. */
export async function filled(kept: Kept, { dir, port, password }: Place, connect: Connect): Promise<Kept> {
  const addressed = await withIds(kept, connect, async (db, id) => {
    const [, catalog, address] = /^(\w+)\/(.*)$/.exec(id) as unknown as [string, string, string];
    const { type, names, args } = JSON.parse(address) as { type: string; names: string[]; args: string[] };
    const { rows } = await db.query("SELECT objid FROM pg_get_object_address($1, $2, $3)", [type, names, args]);
    return `${catalog}/${rows[0].objid}`;
  });
  return replaced(addressed, [
    ["{{dir}}", dir],
    ["{{password}}", password],
    ["{{port}}", String(port)],
  ]);
}

/** The OIDs in the Baselines' snapshots, each given another form. */
async function withIds(kept: Kept, connect: Connect, change: (db: pg.Client, id: string) => Promise<string>) {
  const copy = structuredClone(kept);
  for (const { type, inputs, outputs } of copy.state.deployment.resources) {
    if (type !== "pgaccess:index:Baseline") continue;
    const db = await connect(inputs?.database as string);
    for (const { ids } of [inputs?.snapshot, outputs?.snapshot].filter((each) => each !== undefined)) {
      for (const [object, id] of Object.entries(ids)) ids[object] = await change(db, id);
    }
    await db.end();
  }
  return copy;
}

function replaced(kept: Kept, pairs: [from: string | RegExp, to: string][]): Kept {
  let text = JSON.stringify(kept);
  for (const [from, to] of pairs) text = text.replaceAll(from, to);
  return JSON.parse(text);
}
