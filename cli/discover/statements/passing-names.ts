import type { Effects, ObjectName } from "./effects.ts";

/** Names that are not, or need not be, in the catalog. */
export interface Passing {
  temporary: ReadonlySet<string>;
  /** Of objects that were created, and can have been dropped again. */
  created: ReadonlySet<string>;
}

/** The names that statements create or drop, and those of `outer`. */
export function passingNames(effects: Effects[], outer?: Passing): Passing {
  const ddl = effects.flatMap((each) => each.ddl);
  return {
    temporary: new Set([
      ...(outer?.temporary ?? []),
      ...effects.flatMap(({ habits }) => habits.temporaryTables),
      ...ddl.flatMap(({ object, isTemporary }) => (isTemporary && object ? [object.name] : [])),
    ]),
    created: new Set([...(outer?.created ?? []), ...ddl.flatMap(({ object }) => object?.name ?? [])]),
  };
}

/** Whether a name is that of a temporary table, or of what is on one. */
export function isTemporaryName(object: ObjectName | undefined, { temporary }: Pick<Passing, "temporary">): boolean {
  return object?.schema === "pg_temp" || (object?.schema === undefined && temporary.has(object?.name ?? ""));
}
