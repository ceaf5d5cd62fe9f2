import type {
  CommonTableExpr,
  DeleteStmt,
  InsertStmt,
  JoinExpr,
  LockingClause,
  MergeStmt,
  Node,
  RangeFunction,
  RangeSubselect,
  RangeVar,
  ReturningClause,
  SelectStmt,
  UpdateStmt,
  WithClause,
} from "libpg-query";
import type { Collector } from "./collector.ts";
import { readCall } from "./function-calls.ts";
import { allOf, asNode, handle, relationOf, stringConstant, strings, typeOf, walk } from "./nodes.ts";
import { outputNames } from "./output-names.ts";
import { Scope, type Source, type TableReads, tableReads } from "./scope.ts";

/** Reads what queries and their expressions use. */
export class QueryReader {
  readonly #collector: Collector;
  /** Adds the effects of SQL in a string constant. */
  readonly #readText: (sql: string) => void;
  readonly #tables: TableReads[] = [];

  constructor(collector: Collector, readText: (sql: string) => void) {
    this.#collector = collector;
    this.#readText = readText;
  }

  /** Reads SELECT, INSERT, UPDATE, DELETE or MERGE. False: it is none of them. */
  read(node: Node | undefined, outer = new Scope()): boolean {
    const isQuery = node !== undefined && this.#query(node, outer) !== undefined;
    this.#flush();
    return isQuery;
  }

  /** Reads expressions outside of queries. */
  readExpressions(nodes: unknown, scope = new Scope()): void {
    this.#expression(nodes, scope);
    this.#flush();
  }

  /** Reads expressions about one table, of which it needs SELECT on the columns in them. */
  readExpressionsOn(table: RangeVar, nodes: unknown): void {
    const scope = new Scope();
    scope.sources.push(this.#target(table));
    this.readExpressions(nodes, scope);
  }

  #flush(): void {
    for (const table of this.#tables.splice(0)) {
      const { object, isRequired, columns, readsMore, isRead } = table;
      if (!isRequired && !isRead && !readsMore) continue;
      this.#collector.use(
        { kind: "table", object, privilege: "SELECT", columns: readsMore ? undefined : [...columns] },
        isRequired || isRead ? "certain" : "likely",
      );
    }
  }

  /** Returns the columns of the result, or [] if they are not known; undefined: it is no query. */
  #query(node: Node, outer: Scope): { columns: string[] | undefined } | undefined {
    let columns: string[] | undefined;
    const isQuery = handle(node, {
      SelectStmt: (stmt) => {
        columns = this.#select(stmt, outer);
      },
      InsertStmt: (stmt) => {
        columns = this.#insert(stmt, outer);
      },
      UpdateStmt: (stmt) => {
        columns = this.#update(stmt, outer);
      },
      DeleteStmt: (stmt) => {
        columns = this.#delete(stmt, outer);
      },
      MergeStmt: (stmt) => {
        columns = this.#merge(stmt, outer);
      },
    });
    return isQuery ? { columns } : undefined;
  }

  #select(stmt: SelectStmt, outer: Scope): string[] | undefined {
    const scope = new Scope(outer);
    this.#with(stmt.withClause, scope);
    if (stmt.larg && stmt.rarg) {
      const columns = this.#select(stmt.larg, scope);
      this.#select(stmt.rarg, scope);
      this.#expression([stmt.limitCount, stmt.limitOffset], scope);
      return columns;
    }
    for (const item of stmt.fromClause ?? []) this.#from(item, scope);
    this.#expression(
      [stmt.valuesLists, stmt.targetList, stmt.whereClause, stmt.havingClause, stmt.windowClause],
      scope,
    );
    // Names of the result come first in these.
    const columns = outputNames(stmt, scope);
    const sorted = [...(stmt.sortClause ?? []), ...(stmt.distinctClause ?? []), ...(stmt.groupClause ?? [])];
    const isResult = (node: Node) => {
      const fields = asNode("ColumnRef", asNode("SortBy", node)?.node ?? node)?.fields;
      return fields?.length === 1 && columns.all.has(strings(fields)[0] ?? "");
    };
    this.#expression([sorted.filter((node) => !isResult(node)), stmt.limitCount, stmt.limitOffset], scope);
    for (const clause of allOf("LockingClause", stmt.lockingClause)) this.#lock(clause, scope);
    return columns.known;
  }

  #lock({ lockedRels }: LockingClause, scope: Scope): void {
    const names = lockedRels && new Set(allOf("RangeVar", lockedRels).map(({ relname }) => relname));
    for (const { name, table, inner = [] } of scope.sources) {
      if (names && !names.has(name)) continue;
      for (const { object } of table ? [table] : inner) {
        this.#collector.use({ kind: "table", object, privilege: "UPDATE", columns: [] });
      }
    }
  }

  #with(clause: WithClause | undefined, scope: Scope): void {
    const ctes = allOf("CommonTableExpr", clause?.ctes);
    if (clause?.recursive) for (const { ctename = "" } of ctes) scope.ctes.set(ctename, undefined);
    for (const cte of ctes) scope.ctes.set(cte.ctename ?? "", this.#cte(cte, scope));
  }

  #cte({ ctequery, aliascolnames, search_clause, cycle_clause }: CommonTableExpr, scope: Scope): string[] | undefined {
    // Its query sees the other CTEs, but not the sources of the query that has the WITH.
    const columns = ctequery && this.#query(ctequery, scope)?.columns;
    if (search_clause || cycle_clause) return undefined;
    return aliascolnames && columns ? renamed(columns, strings(aliascolnames)) : columns;
  }

  #from(item: Node, scope: Scope): void {
    handle(item, {
      RangeVar: (range) => this.#relation(range, scope),
      JoinExpr: (join) => this.#join(join, scope),
      RangeSubselect: (subselect) => this.#subselect(subselect, scope),
      RangeFunction: (call) => this.#tableFunction(call, scope),
      RangeTableSample: ({ relation, args, repeatable }) => {
        if (relation) this.#from(relation, scope);
        this.#expression([args, repeatable], scope);
      },
      RangeTableFunc: ({ alias, ...rest }) => {
        this.#expression(rest, scope);
        scope.sources.push({ name: alias?.aliasname ?? "xmltable" });
      },
      JsonTable: ({ alias, ...rest }) => {
        this.#expression(rest, scope);
        scope.sources.push({ name: alias?.aliasname ?? "json_table" });
      },
    });
  }

  #relation(range: RangeVar, scope: Scope): void {
    const { schemaname, relname = "", alias } = range;
    const name = alias?.aliasname ?? relname;
    const cte = schemaname === undefined ? scope.withCte(relname) : undefined;
    if (cte) {
      const columns = cte.ctes.get(relname);
      scope.sources.push({ name, columns: columns && renamed(columns, strings(alias?.colnames)) });
      return;
    }
    const table = this.#table(range, true);
    if (alias?.colnames) table.readsMore = true;
    scope.sources.push({ name, table });
  }

  #table(range: RangeVar, isRequired: boolean): TableReads {
    const table = tableReads(relationOf(range), isRequired);
    this.#tables.push(table);
    return table;
  }

  #join({ larg, rarg, quals, usingClause, isNatural, alias }: JoinExpr, scope: Scope): void {
    const before = scope.sources.length;
    if (larg) this.#from(larg, scope);
    if (rarg) this.#from(rarg, scope);
    const joined = scope.sources.slice(before);
    for (const { table, columns } of joined) {
      if (!table) continue;
      if (isNatural || alias) table.readsMore = true;
      for (const column of strings(usingClause)) {
        // With more than two tables, one of them may not have the column.
        if (joined.length === 2) table.columns.add(column);
        else if (!columns) table.readsMore = true;
      }
    }
    this.#expression(quals, scope);
    if (alias) scope.sources.splice(before, joined.length, { name: alias.aliasname ?? "", inner: tablesIn(joined) });
  }

  #subselect({ subquery, alias }: RangeSubselect, scope: Scope): void {
    const before = this.#tables.length;
    const columns = subquery && this.#query(subquery, scope)?.columns;
    scope.sources.push({
      name: alias?.aliasname ?? "",
      columns: columns && renamed(columns, strings(alias?.colnames)),
      inner: this.#tables.slice(before).filter(({ isRequired }) => isRequired),
    });
  }

  #tableFunction({ functions, alias, coldeflist }: RangeFunction, scope: Scope): void {
    this.#expression(functions, scope);
    const defined = [...allOf("ColumnDef", coldeflist).map(({ colname = "" }) => colname), ...strings(alias?.colnames)];
    const name = alias?.aliasname ?? "";
    scope.sources.push({ name, ...(defined.length > 0 && { columns: defined }) });
  }

  #target(range: RangeVar): Source {
    return { name: range.alias?.aliasname ?? range.relname ?? "", table: this.#table(range, false) };
  }

  #write(range: RangeVar, privilege: string, columns?: string[]): void {
    this.#collector.use({ kind: "table", object: relationOf(range), privilege, columns });
  }

  #returning(clause: ReturningClause | undefined, scope: Scope, { table }: Source): string[] | undefined {
    if (!clause) return [];
    const options = allOf("ReturningOption", clause.options).map(({ value = "" }) => value);
    for (const name of ["old", "new", ...options]) scope.sources.push({ name, table, isQualifiedOnly: true });
    this.#expression(clause.exprs, scope);
    return outputNames({ targetList: clause.exprs ?? [] }, scope).known;
  }

  #insert(stmt: InsertStmt, outer: Scope): string[] | undefined {
    const { relation, cols, selectStmt, onConflictClause: conflict } = stmt;
    if (!relation) return undefined;
    const scope = new Scope(outer);
    this.#with(stmt.withClause, scope);
    this.#write(relation, "INSERT", cols && columnsOf(cols));
    if (selectStmt) this.#query(selectStmt, scope);
    const inner = new Scope(scope);
    const target = this.#target(relation);
    inner.sources.push(target);
    if (conflict) {
      const { infer, targetList, whereClause } = conflict;
      for (const element of allOf("IndexElem", infer?.indexElems)) {
        if (element.name !== undefined) inner.read([element.name], false);
        this.#expression(element.expr, inner);
      }
      // The columns of the constraint.
      if (infer?.conname !== undefined) inner.read([], true);
      this.#expression(infer?.whereClause, inner);
      if (conflict.action === "ONCONFLICT_UPDATE") {
        this.#write(relation, "UPDATE", columnsOf(targetList));
        inner.sources.push({ name: "excluded", table: target.table, isQualifiedOnly: true });
        this.#expression([values(targetList), whereClause], inner);
      }
    }
    return this.#returning(stmt.returningClause, inner, target);
  }

  #update(stmt: UpdateStmt, outer: Scope): string[] | undefined {
    const { relation, targetList, whereClause, fromClause = [] } = stmt;
    if (!relation) return undefined;
    const scope = new Scope(outer);
    this.#with(stmt.withClause, scope);
    this.#write(relation, "UPDATE", columnsOf(targetList));
    const target = this.#target(relation);
    scope.sources.push(target);
    for (const item of fromClause) this.#from(item, scope);
    this.#expression([values(targetList), whereClause], scope);
    return this.#returning(stmt.returningClause, scope, target);
  }

  #delete(stmt: DeleteStmt, outer: Scope): string[] | undefined {
    const { relation, whereClause, usingClause = [] } = stmt;
    if (!relation) return undefined;
    const scope = new Scope(outer);
    this.#with(stmt.withClause, scope);
    this.#write(relation, "DELETE");
    const target = this.#target(relation);
    scope.sources.push(target);
    for (const item of usingClause) this.#from(item, scope);
    this.#expression(whereClause, scope);
    return this.#returning(stmt.returningClause, scope, target);
  }

  #merge(stmt: MergeStmt, outer: Scope): string[] | undefined {
    const { relation, sourceRelation, joinCondition, mergeWhenClauses } = stmt;
    if (!relation) return undefined;
    const scope = new Scope(outer);
    this.#with(stmt.withClause, scope);
    const target = this.#target(relation);
    scope.sources.push(target);
    if (sourceRelation) this.#from(sourceRelation, scope);
    this.#expression(joinCondition, scope);
    for (const { commandType, targetList, values: inserted, condition } of allOf("MergeWhenClause", mergeWhenClauses)) {
      if (commandType === "CMD_INSERT") this.#write(relation, "INSERT", targetList && columnsOf(targetList));
      if (commandType === "CMD_UPDATE") this.#write(relation, "UPDATE", columnsOf(targetList));
      if (commandType === "CMD_DELETE") this.#write(relation, "DELETE");
      this.#expression([condition, values(targetList), inserted], scope);
    }
    return this.#returning(stmt.returningClause, scope, target);
  }

  #expression(below: unknown, scope: Scope): void {
    walk(below, {
      ColumnRef: ({ fields }) => scope.read(strings(fields), fields?.some((field) => "A_Star" in field) ?? false),
      FuncCall: (call) => {
        readCall(call, this.#collector, this.#readText);
        this.#expression(Object.values(call), scope);
      },
      SelectStmt: (stmt) => this.#select(stmt, scope),
      TypeCast: ({ arg, typeName }) => {
        this.#cast(typeOf(typeName), stringConstant(arg));
        this.#expression(arg, scope);
      },
      A_Expr: (expression) => {
        const [name, schema] = strings(expression.name).toReversed();
        if (name !== undefined) this.#schema(schema);
        this.#expression(Object.values(expression), scope);
      },
    });
  }

  #cast({ schema, name }: { schema?: string | undefined; name: string }, constant: string | undefined): void {
    this.#schema(schema);
    // A cast to regclass, regproc or regtype looks an object up.
    const text = name.startsWith("reg") && constant ? /^\s*(?:"((?:[^"]|"")+)"|(\w+))\s*\./.exec(constant) : undefined;
    this.#schema(text ? (text[1]?.replaceAll('""', '"') ?? text[2]?.toLowerCase()) : undefined);
  }

  /** Postgres looks qualified types and operators up, which takes USAGE on the schema only. */
  #schema(name: string | undefined): void {
    if (name === undefined || name === "pg_catalog" || name === "information_schema") return;
    this.#collector.use({ kind: "schema", object: { name }, privilege: "USAGE" });
  }
}

function renamed(columns: string[], names: string[]): string[] {
  return columns.map((column, index) => names[index] ?? column);
}

function tablesIn(sources: Source[]): TableReads[] {
  return sources.flatMap(({ table, inner = [] }) => (table ? [table] : inner));
}

/** The columns that a list of assignments sets. */
function columnsOf(targets: Node[] | undefined): string[] {
  return allOf("ResTarget", targets).map(({ name = "" }) => name);
}

/** What a list of assignments assigns; the columns in it are not read. */
function values(targets: Node[] | undefined): unknown[] {
  return allOf("ResTarget", targets).map(({ val, indirection }) => [val, indirection]);
}
