import { parseObjectName } from "../../model/object-name.ts";
import { baselineContract, parseSnapshot, type Snapshot } from "../../provider/baseline/contract.ts";
import { readOwnedObjects } from "../../provider/ownership/objects.ts";
import type { Server } from "../../provider/postgres/connection.ts";
import { databaseNames } from "../../provider/postgres/databases.ts";
import type { Declared } from "../audit/subject.ts";
import { revealed } from "../pulumi/state.ts";

/** The owners of a schema's objects, before the first up and now. */
export interface SchemaOwners {
  database: string;
  schema: string;
  /** Owner to its number of objects, most first. Undefined: the state has no baseline. */
  before: [owner: string, objects: number][] | undefined;
  now: [owner: string, objects: number][];
}

/** The owners in every managed schema of the stack's databases that exist. */
export async function readSchemaOwners(server: Server, { stack, state }: Declared): Promise<SchemaOwners[]> {
  const baselines = baselinesOf(state);
  const existing = await server.anySession((db) => databaseNames(db));
  const found: SchemaOwners[] = [];
  for (const [database, { schemas }] of Object.entries(stack.databases)) {
    if (!existing.includes(database)) continue;
    const objects = await server.session(database, (db) => readOwnedObjects(db, schemas));
    const before = Object.entries(baselines.get(database)?.owners ?? {});
    for (const schema of schemas) {
      found.push({
        database,
        schema,
        before: baselines.has(database)
          ? counted(before.filter(([key]) => parseObjectName(key)?.schema === schema).map(([, owner]) => owner))
          : undefined,
        now: counted(objects.filter((object) => object.schema === schema).map(({ owner }) => owner)),
      });
    }
  }
  return found;
}

function baselinesOf(state: Declared["state"]): Map<string, Snapshot> {
  if (state instanceof Error) return new Map();
  return new Map(
    (state.resources ?? [])
      .filter(({ type, delete: isReplaced }) => type === baselineContract.token && !isReplaced)
      .flatMap(({ inputs, outputs }): [string, Snapshot][] => {
        const snapshot = revealed(outputs?.snapshot) as string | Snapshot | undefined;
        return typeof inputs?.database === "string" && snapshot ? [[inputs.database, parseSnapshot(snapshot)]] : [];
      }),
  );
}

function counted(owners: string[]): [string, number][] {
  return [...Map.groupBy(owners, (owner) => owner)]
    .map(([owner, all]): [string, number] => [owner, all.length])
    .toSorted((a, b) => b[1] - a[1]);
}
