import type { Snapshot } from "../baseline/contract.ts";
import { splitName } from "../postgres/names.ts";
import type { OwnedObject } from "./objects.ts";

/** Finds the names under which a baseline has objects that were renamed, or moved to another schema, since. */
export class PreviousNames {
  readonly #recorded: Pick<Snapshot, "owners" | "ids">;
  readonly #names: Map<string, string>;

  constructor(recorded: Pick<Snapshot, "owners" | "ids">) {
    this.#recorded = recorded;
    this.#names = new Map(Object.entries(recorded.ids ?? {}).map(([name, id]) => [id, name]));
  }

  /**
   * The object's key in the baseline; undefined when it is not recorded. After a dump and restore an OID is another object's, so
   * part of the name must be the same, too: its own, or its schema's, the schema being the recorded one.
   */
  of(object: OwnedObject): string | undefined {
    if (Object.hasOwn(this.#recorded.owners, object.key)) return object.key;
    const name = object.id === undefined ? undefined : this.#names.get(object.id);
    if (name === undefined || !Object.hasOwn(this.#recorded.owners, name)) return undefined;
    const was = splitName(name.startsWith(`${object.type} `) ? name.slice(object.type.length + 1) : name);
    const is = splitName(object.identity);
    const isInItsSchema =
      was?.schema === object.schema && this.#recorded.ids?.[`schema ${schemaOf(object)}`] === object.schemaId;
    return was !== undefined && (was.object === is?.object || isInItsSchema) ? name : undefined;
  }

  /** The same for a sequence that follows a table which was found. */
  ofSequence({ identity, id }: OwnedObject["sequences"][number]): string {
    if (this.#recorded.ids?.[identity] !== undefined || id === undefined) return identity;
    return this.#names.get(id) ?? identity;
  }
}

/** As Postgres quotes it. */
function schemaOf({ identity, schema }: OwnedObject): string {
  return identity.startsWith('"') ? `"${schema.replaceAll('"', '""')}"` : schema;
}
