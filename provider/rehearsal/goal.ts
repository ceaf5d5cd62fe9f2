import type { Grants } from "../../model/grants.ts";
import type { Access } from "../../model/stack.ts";

/** The up in one database, to be rehearsed. */
export interface RehearsalGoal {
  database: string;
  schemas: string[];
  /** Role that becomes the owner of the objects in the schemas; undefined keeps the current owners. */
  owner: string | undefined;
  /** Object to the role that stays its owner. */
  keepOwner: Record<string, string>;
  /** Single objects outside the schemas that the role also becomes the owner of. */
  alsoOwn: string[];
  /** All roles of the stack; those that do not exist yet are created during a check. */
  roles: RehearsalRole[];
}

export interface RehearsalRole {
  role: string;
  /** Undefined: only explicit grants, or no access to this database. */
  access?: Access | undefined;
  /** Explicit grants in addition to the access level. */
  grants?: Grants | undefined;
  /** Its declared settings, in the format of postgresql.conf. */
  settings: Record<string, string>;
}

/** SQL to run as the owner and roll back, such as the next migration. */
export interface SqlFile {
  /** Its path. */
  name: string;
  text: string;
}
