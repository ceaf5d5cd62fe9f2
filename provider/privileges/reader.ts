import type { Queryable } from "../postgres/connection.ts";
import type { PrivilegeCatalog } from "./plan.ts";
import {
  type DefaultPrivilege,
  type PrivilegeTable,
  privilegesOf,
  readDefaultPrivileges,
  readPrivilegeTable,
} from "./table.ts";

interface Reading {
  key: string;
  at: number;
  table: PrivilegeTable;
  defaults: Map<string, DefaultPrivilege[]>;
  /** Roles whose privileges were changed after the reading. */
  changed: Set<string>;
}

/**
 * Reads the privileges of all roles of a database together: 60 roles need one catalog query instead of 120. A reading is valid
 * for two seconds and for one change of each role: a second change, such as after a conflict, reads again.
 */
export class PrivilegeReader {
  private readonly lifetime: number;
  private last: Reading | undefined;

  /** @param lifetime milliseconds for which a reading is valid */
  constructor(lifetime = 2000) {
    this.lifetime = lifetime;
  }

  async forPlan(db: Queryable, database: string, role: string, schemas: string[]): Promise<PrivilegeCatalog> {
    return catalogOf(await this.reading(db, database, role, schemas), role);
  }

  /** Call it in the transaction that changes the role's privileges. */
  async forChange(db: Queryable, database: string, role: string, schemas: string[]): Promise<PrivilegeCatalog> {
    const reading = await this.reading(db, database, role, schemas);
    reading.changed.add(role);
    return catalogOf(reading, role);
  }

  private async reading(db: Queryable, database: string, role: string, schemas: string[]): Promise<Reading> {
    const key = JSON.stringify([database, schemas.toSorted()]);
    const { last } = this;
    const isValid = last?.key === key && Date.now() - last.at < this.lifetime && !last.changed.has(role);
    if (last && isValid) return last;
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
