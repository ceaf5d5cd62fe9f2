import type { Grants } from "../model/grants.ts";
import type { Access } from "../model/stack.ts";

/** What an AppRole may do. */
export interface RoleAccess {
  /**
   * What the role may do, by database: `reader`, `writer`, or `owner` for the owner declared with the database.
   *
   * @example { shop: "reader" }
   */
  access: Record<string, Access>;
  /**
   * Privileges beyond the access level, by database and kind of object; on objects that are there now, and at the next up
   * on new ones that a pattern means.
   *
   * @default none
   * @example { shop: { schemas: { audit: ["USAGE"] }, tables: { "audit.*": ["SELECT"] }, columns: { "shop.customers": { UPDATE: ["note"] } } } }
   */
  grants?: Record<string, Grants> | undefined;
}

/** An AppRole as it is declared, whatever makes it. */
export interface DeclaredRole extends RoleAccess {
  /**
   * Settings of the role's sessions, as they would stand in postgresql.conf; timeouts with a unit or in milliseconds,
   * search_path as a list of schemas; null sets nothing.
   *
   * @default none
   * @example { idle_session_timeout: "30min", statement_timeout: "30s", search_path: ["shop", "public"] }
   */
  settings?: Record<string, string | number | boolean | string[] | null> | undefined;
}
