import type { Queryable } from "../postgres/connection.ts";
import { type DefaultPrivilege, readDefaultPrivileges } from "./default-privileges.ts";
import type { PrivilegeCatalog } from "./plan.ts";
import { type PrivilegeTable, privilegesOf, readPrivilegeTable } from "./table.ts";

interface Reading {
  key: string;
  at: number;
  table: PrivilegeTable;
  defaults: Map<string, DefaultPrivilege[]>;
  /** Roles whose privileges were changed since. */
  changed: Set<string>;
}

/**
 * Reads who holds what, once for all roles of a database: 60 roles cost one look at the catalog instead of 120. A reading
 * serves for two seconds, and each role for one change: whoever changes a role's privileges again, such as after a
 * conflict, reads them anew.
 */
export class PrivilegeReader {
  private readonly lifetime: number;
  private last: Reading | undefined;

  /** @param lifetime milliseconds for which a reading serves further plans; a preview asks for one role after the other */
  constructor(lifetime = 2000) {
    this.lifetime = lifetime;
  }

  /** For a plan. */
  async forPlan(db: Queryable, database: string, role: string, schemas: string[]): Promise<PrivilegeCatalog> {
    return catalogOf(await this.reading(db, database, role, schemas), role);
  }

  /** For a change of the role's privileges, in its transaction. */
  async forChange(db: Queryable, database: string, role: string, schemas: string[]): Promise<PrivilegeCatalog> {
    const reading = await this.reading(db, database, role, schemas);
    reading.changed.add(role);
    return catalogOf(reading, role);
  }

  private async reading(db: Queryable, database: string, role: string, schemas: string[]): Promise<Reading> {
    const key = JSON.stringify([database, schemas.toSorted()]);
    const { last } = this;
    const serves = last?.key === key && Date.now() - last.at < this.lifetime && !last.changed.has(role);
    if (last && serves) return last;
    this.last = await read(db, key, schemas);
    return this.last;
  }
}

async function read(db: Queryable, key: string, schemas: string[]): Promise<Reading> {
  const at = Date.now();
  const [table, defaults] = [await readPrivilegeTable(db, schemas), await readDefaultPrivileges(db, schemas)];
  return { key, at, table, defaults, changed: new Set() };
}

function catalogOf({ table, defaults }: Reading, role: string): PrivilegeCatalog {
  return { objects: privilegesOf(table, role), defaults: defaults.get(role) ?? [] };
}
