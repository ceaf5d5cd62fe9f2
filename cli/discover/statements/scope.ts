import type { ObjectName } from "./effects.ts";

/** A table in a statement's FROM or its target, and what is read of it. */
export interface TableReads {
  object: ObjectName;
  /** Whether it needs SELECT without a column that is read. */
  isRequired: boolean;
  columns: Set<string>;
  /** Columns are read that are not known: of `*`, or that could be another table's. */
  readsMore: boolean;
  /** Whether a column of it is certainly read. */
  isRead: boolean;
}

/** Something that columns can be read from. */
export interface Source {
  /** By which columns are qualified. */
  name: string;
  /** Undefined for subqueries, functions and CTEs. */
  table?: TableReads | undefined;
  /** The columns of a subquery or CTE. Undefined: not known. */
  columns?: string[] | undefined;
  /** OLD, NEW and EXCLUDED: unqualified names are not theirs. */
  isQualifiedOnly?: boolean;
  /** Tables in a subquery, which FOR UPDATE also locks. */
  inner?: TableReads[];
}

export function tableReads(object: ObjectName, isRequired: boolean): TableReads {
  return { object, isRequired, columns: new Set(), readsMore: false, isRead: false };
}

function read(table: TableReads, column: string): void {
  table.columns.add(column);
  table.isRead = true;
}

function readAll(table: TableReads): void {
  table.readsMore = true;
  table.isRead = true;
}

/** The names that a query's expressions can use. */
export class Scope {
  readonly sources: Source[] = [];
  readonly parent: Scope | undefined;
  /** CTEs with their columns. */
  readonly ctes = new Map<string, string[] | undefined>();
  /** Variables of PL/pgSQL. */
  readonly variables: ReadonlySet<string>;

  constructor(parent?: Scope, variables: ReadonlySet<string> = new Set()) {
    this.parent = parent;
    this.variables = variables;
  }

  /** The scope with the CTE of this name. */
  withCte(name: string): Scope | undefined {
    return this.ctes.has(name) ? this : this.parent?.withCte(name);
  }

  #isVariable(name: string): boolean {
    for (let scope: Scope | undefined = this; scope; scope = scope.parent) if (scope.variables.has(name)) return true;
    return false;
  }

  /** Notes that an expression reads a column, a row or everything. */
  read(parts: string[], isStar: boolean): void {
    if (isStar && parts.length === 0) this.#readEverything();
    else if (isStar || parts.length > 1) this.#readQualified(parts, isStar);
    else this.#readUnqualified(parts[0] as string);
  }

  #readEverything(): void {
    for (const { table, isQualifiedOnly } of this.sources) if (table && !isQualifiedOnly) readAll(table);
  }

  #readQualified(parts: string[], isStar: boolean): void {
    const qualifier = isStar ? parts : parts.slice(0, -1);
    const [name = "", schema] = qualifier.toReversed();
    for (let scope: Scope | undefined = this; scope; scope = scope.parent) {
      const source = scope.sources.find(
        (each) => each.name === name && (schema === undefined || each.table?.object.schema === schema),
      );
      if (!source) continue;
      if (source.table && isStar) readAll(source.table);
      else if (source.table) read(source.table, parts.at(-1) as string);
      return;
    }
  }

  #readUnqualified(column: string): void {
    if (this.#isVariable(column)) return;
    for (let scope: Scope | undefined = this; scope; scope = scope.parent) {
      const sources = scope.sources.filter(({ isQualifiedOnly }) => !isQualifiedOnly);
      if (sources.some(({ table, columns }) => !table && columns?.includes(column))) return;
      const row = sources.find(({ name }) => name === column);
      if (row?.table) readAll(row.table);
      if (row) return;
      const possible = sources.filter(({ table, columns }) => table || !columns);
      const [first, ...others] = possible;
      if (!first) continue;
      if (first.table && others.length === 0) read(first.table, column);
      else for (const { table } of possible) if (table) table.readsMore = true;
      return;
    }
  }
}
