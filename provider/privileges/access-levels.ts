import type { Access } from "../../model/stack.ts";
import type { FutureKind } from "./default-privileges.ts";
import type { GrantableObject } from "./table.ts";

/** The privileges a level gives on an object that stands in the managed schemas, is one of them, or is the database. */
export function privilegesOn(
  access: Access | undefined,
  object: Pick<GrantableObject, "kind" | "securityDefiner">,
): string[] {
  // Without a level there are explicit grants alone, and these need a connection.
  if (access === undefined) return object.kind === "database" ? ["CONNECT"] : [];
  // CONNECT and TEMPORARY by name although PUBLIC usually has them: taking them from PUBLIC later harms no role.
  if (object.kind === "database") return database[access];
  if (object.kind === "schema") return access === "owner" ? ["USAGE", "CREATE"] : ["USAGE"];
  if (access === "owner") return [];
  switch (object.kind) {
    case "table":
    case "view":
      return access === "writer" ? ["SELECT", "INSERT", "UPDATE", "DELETE"] : ["SELECT"];
    case "materialized view":
    case "continuous aggregate":
      return ["SELECT"];
    case "sequence":
      return access === "writer" ? ["USAGE", "SELECT"] : ["SELECT"];
    case "routine":
      return access === "writer" || !object.securityDefiner ? ["EXECUTE"] : [];
    case "type":
      return ["USAGE"];
    case "column":
      return [];
  }
}

const database: Record<Access, string[]> = {
  owner: ["CONNECT", "CREATE", "TEMPORARY"],
  writer: ["CONNECT", "TEMPORARY"],
  reader: ["CONNECT"],
};

/**
 * The privileges a level gives on objects that others make later. An owner gets none: a future object becomes its own
 * by Ownership. A reader gets no EXECUTE: a default privilege cannot leave out SECURITY DEFINER functions, and on all
 * others PUBLIC's holds until the next up grants it by name.
 */
export function privilegesOnFuture(access: Access, on: FutureKind): string[] {
  return future[access][on];
}

const future: Record<Access, Record<FutureKind, string[]>> = {
  owner: { TABLES: [], SEQUENCES: [], FUNCTIONS: [], TYPES: [] },
  writer: {
    TABLES: ["SELECT", "INSERT", "UPDATE", "DELETE"],
    SEQUENCES: ["USAGE", "SELECT"],
    FUNCTIONS: ["EXECUTE"],
    TYPES: ["USAGE"],
  },
  reader: { TABLES: ["SELECT"], SEQUENCES: ["SELECT"], FUNCTIONS: [], TYPES: ["USAGE"] },
};
