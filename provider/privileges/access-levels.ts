import type { Access } from "../../model/stack.ts";
import type { FutureKind, GrantableObject } from "./table.ts";

/** Privileges of an access level on the database, a managed schema or an object in one. */
export function privilegesOn(
  access: Access | undefined,
  object: Pick<GrantableObject, "kind" | "securityDefiner">,
): string[] {
  // A role without an access level has explicit grants only, which need a connection.
  if (access === undefined) return object.kind === "database" ? ["CONNECT"] : [];
  // CONNECT and TEMPORARY by name, so that revoking them from PUBLIC later affects no role.
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
 * Privileges of an access level on objects that other roles create later. An owner gets none: Ownership transfers those objects
 * to it. A reader gets no EXECUTE: default privileges cannot exclude SECURITY DEFINER functions, and the privilege of PUBLIC
 * covers the others until the next up grants it by name.
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
