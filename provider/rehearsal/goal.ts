import type { Grants } from "../../model/grants.ts";
import type { Access } from "../../model/stack.ts";

/** What is rehearsed in one database: what an up would make of it. */
export interface RehearsalGoal {
  database: string;
  schemas: string[];
  /** Role that shall own the objects in the schemas; undefined: they stay where they are. */
  owner: string | undefined;
  /** Object to the role it stays with. */
  keepOwner: Record<string, string>;
  /** Single objects outside the schemas that the owner owns too. */
  alsoOwn: string[];
  /** All roles of the stack; those that do not exist yet are made for as long as a check takes. */
  roles: RehearsalRole[];
}

export interface RehearsalRole {
  role: string;
  /** Undefined: explicit grants alone, or nothing in this database. */
  access?: Access | undefined;
  /** Privileges by name, beyond the access level. */
  grants?: Grants | undefined;
  /** Its declared settings, as they would stand in postgresql.conf. */
  settings: Record<string, string>;
}

/** SQL that is run as the owner and rolled back, such as the next migration. */
export interface SqlFile {
  /** How people call it: its path. */
  name: string;
  text: string;
}
