import type { Queryable } from "../connection.ts";
import { type DefaultPrivilege, readDefaultPrivileges } from "./default-privileges.ts";
import { type PrivilegeTable, privilegesOf, readPrivilegeTable } from "./privileges.ts";
import type { PrivilegeCatalog } from "./privileges-plan.ts";

interface Reading {
  key: string;
  at: number;
  table: PrivilegeTable;
  defaults: Map<string, DefaultPrivilege[]>;
  /** Roles whose privileges were changed since. */
  changed: Set<string>;
}

/**
 * Reads who holds what, once for all roles of a database: a preview of 60 roles costs one look at the catalog instead of
 * 60. Only plans may be up to two seconds old; what is applied is read anew in its own transaction.
 */
export class PrivilegeReader {
  private readonly lifetime: number;
  private last: Reading | undefined;

  /** @param lifetime milliseconds for which a reading serves further plans; a preview asks for one role after the other */
  constructor(lifetime = 2000) {
    this.lifetime = lifetime;
  }

  /** For a plan. */
  async recent(db: Queryable, database: string, role: string, schemas: string[]): Promise<PrivilegeCatalog> {
    const key = keyOf(database, schemas);
    const usable = this.last?.key === key && Date.now() - this.last.at < this.lifetime && !this.last.changed.has(role);
    if (!this.last || !usable) this.last = await read(db, key, schemas);
    return catalogOf(this.last, role);
  }

  /** For a change: as it is now. The reading goes on to serve the plans of other roles, not of the one that is changed. */
  async now(db: Queryable, database: string, role: string, schemas: string[]): Promise<PrivilegeCatalog> {
    this.last = await read(db, keyOf(database, schemas), schemas);
    this.last.changed.add(role);
    return catalogOf(this.last, role);
  }
}

function keyOf(database: string, schemas: string[]): string {
  return JSON.stringify([database, schemas.toSorted()]);
}

async function read(db: Queryable, key: string, schemas: string[]): Promise<Reading> {
  const at = Date.now();
  const [table, defaults] = [await readPrivilegeTable(db, schemas), await readDefaultPrivileges(db, schemas)];
  return { key, at, table, defaults, changed: new Set() };
}

function catalogOf({ table, defaults }: Reading, role: string): PrivilegeCatalog {
  return { objects: privilegesOf(table, role), defaults: defaults.get(role) ?? [] };
}
