import type { Grants } from "../model/grants.ts";
import type { Access } from "../model/stack.ts";

/** The access of an AppRole. */
export interface RoleAccess {
  /**
   * Access level by database: `reader`, `writer`, or `owner` for the owner declared with the database.
   *
   * @example { shop: "reader" }
   */
  access: Record<string, Access>;
  /**
   * Privileges beyond the access level, by database and kind of object; on objects that exist, and with the next up on new ones
   * that match a pattern.
   *
   * @default none
   * @example { shop: { schemas: { audit: ["USAGE"] }, tables: { "audit.*": ["SELECT"] }, columns: { "shop.customers": { UPDATE: ["note"] } } } }
   */
  grants?: Record<string, Grants> | undefined;
}

/** An AppRole as declared. */
export interface DeclaredRole extends RoleAccess {
  /**
   * Settings of the role's sessions, as in postgresql.conf; timeouts with a unit or in milliseconds, search_path as a list of
   * schemas; null sets nothing.
   *
   * @default none
   * @example { idle_session_timeout: "30min", statement_timeout: "30s", search_path: ["shop", "public"] }
   */
  settings?: Record<string, string | number | boolean | string[] | null> | undefined;
}
