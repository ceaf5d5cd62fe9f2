import type { DeclaredAccess } from "../../model/declared-access.ts";
import type { Access } from "../../model/stack.ts";
import type { OwnershipGoal } from "../ownership/moves.ts";
import type { OwnedObject } from "../ownership/objects.ts";
import type { RoleSetting } from "../settings/settings.ts";

/** Facts that AfterUp is computed from. */
export interface AfterUpFacts {
  declared: DeclaredAccess;
  /** Object to its previous owner, as the baseline has it; empty before the first up. */
  previousOwners: Record<string, string>;
  /** Default: read from the catalog. */
  objects?: OwnedObject[];
}

/** Facts about a database, for warnings that belong to no single role. */
export interface DatabaseFacts extends AfterUpFacts {
  database: string;
  schemas: string[];
  alsoOwn: string[];
  /** All roles that this stack creates. */
  roles: string[];
  /** Users that services still log in as. Empty once the migration is over: objects that have not moved stay on purpose. */
  legacyUsers: string[];
}

/** Facts about the change of owners in a database. */
export interface OwnershipFacts extends OwnershipGoal, AfterUpFacts {
  database: string;
  /** All objects of the goal's schemas, as they are now. */
  objects: OwnedObject[];
  /** Users that services still log in as. */
  legacyUsers: string[];
}

/** Facts about a role in one database. */
export interface RoleFacts extends AfterUpFacts {
  role: string;
  database: string;
  /** Undefined: the role has explicit grants only. */
  access: Access | undefined;
  schemas: string[];
  /** Users that services still log in as. */
  legacyUsers: string[];
  /** The roles that log in for this role: the role itself, or those that SET ROLE to it. */
  logins: string[];
}

/** Facts about a role's settings. */
export interface SettingsFacts {
  role: string;
  /** Declared settings; an empty database name means all databases. */
  settings: Pick<RoleSetting, "database" | "name" | "value">[];
  /** Settings that another resource writes, or that are left unset on purpose. */
  setElsewhere: string[];
  /** Databases that the role has access to. */
  usedIn: string[];
  /** Users that services still log in as. */
  legacyUsers: string[];
}

/** Facts about the whole server. */
export interface ServerFacts {
  /** The declared databases. */
  databases: string[];
  /** The database that the stack logs in to first. */
  adminDatabase: string;
  /** The stack's roles that can log in. */
  roles: string[];
  /** Database to the roles that this up grants CONNECT there. Undefined: only existing roles and their present grants count. */
  access: Record<string, string[]> | undefined;
  /** Databases where this up revokes CONNECT from PUBLIC. */
  closed: string[];
  /** Users that services still log in as. */
  legacyUsers: string[];
}
