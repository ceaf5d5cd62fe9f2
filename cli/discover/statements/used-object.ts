import type { Access } from "../../../model/stack.ts";
import { privilegesOn } from "../../../provider/privileges/access-levels.ts";
import type { ObjectKind } from "../../../provider/privileges/table.ts";
import type { Use } from "../evidence.ts";
import type { NamesInDatabase } from "./names-in-database.ts";

/** The object of a use, as far as privileges depend on it. */
export interface UsedObject {
  kind: ObjectKind;
  /** Whether a superuser owns it, so that it can be given to a role of the stack. */
  isSuperusers: boolean;
  securityDefiner: boolean;
  publicPrivileges: string[];
}

/** Undefined: it is no longer in the catalog, or of a kind that has no privileges. */
export function usedObject({ kind: used, schema, name }: Use, names: NamesInDatabase): UsedObject | undefined {
  const { catalog } = names;
  const base = { isSuperusers: true, securityDefiner: false };
  switch (used) {
    case "database":
      return { ...base, kind: used, publicPrivileges: catalog.databasePrivileges };
    case "schema":
      return { ...base, kind: used, publicPrivileges: catalog.schemas.get(name) ?? [] };
    case "table":
    case "sequence": {
      const relation = names.relation({ schema, name }, []);
      if (!relation || relation.object.kind === "index") return undefined;
      const { kind, isSuperusers, publicPrivileges } = relation.object;
      return { ...base, kind, isSuperusers, publicPrivileges };
    }
    case "function": {
      const routine = names.routineNamed(schema, name);
      if (!routine) return undefined;
      const { isSuperusers, isDefiner, publicPrivileges } = routine;
      return { kind: "routine", isSuperusers, securityDefiner: isDefiner, publicPrivileges };
    }
    case "type": {
      const type = names.type({ schema, name }, []);
      return type && { ...base, kind: used, publicPrivileges: type.publicPrivileges };
    }
    default:
      return undefined;
  }
}

/** Whether the owner of the schemas can be given this object too. */
export function canAlsoOwn({ kind, schema }: Use, { isSuperusers }: UsedObject, schemas: string[]): boolean {
  return isSuperusers && !schemas.includes(schema) && kind !== "schema" && kind !== "database";
}

/** What a role has on an object without an explicit grant. */
export interface Standing {
  access: Access;
  schemas: string[];
  /** Tables outside the schemas that the owner also owns: `schema.name` without quotes. */
  alsoOwned: ReadonlySet<string>;
}

/** Whether a role has the privilege of a use through PUBLIC, its access level or its ownership. */
export function isImplied(use: Use, object: UsedObject, { access, schemas, alsoOwned }: Standing): boolean {
  const { kind, schema, name, privilege, via } = use;
  if (object.publicPrivileges.includes(privilege)) return true;
  if (kind === "database") return privilegesOn(access, object).includes(privilege);
  // The sequence of a column has the owner of its table.
  const owned = kind === "sequence" && via !== undefined ? via : `${schema}.${name}`;
  if (access === "owner" && privilege !== "OWNER" && alsoOwned.has(owned)) return true;
  if (!schemas.includes(kind === "schema" ? name : schema)) return false;
  if (privilegesOn(access, object).includes(privilege)) return true;
  return access === "owner" && object.isSuperusers && kind !== "schema";
}
