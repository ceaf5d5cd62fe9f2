import type { Constraint, CreateFunctionStmt, CreateStmt, IntoClause, Node, RangeVar, TypeName } from "libpg-query";
import type { Certainty, UsedKind } from "../evidence.ts";
import type { StatementContext } from "./context.ts";
import type { Ddl, NamedUse, ObjectName } from "./effects.ts";
import { allOf, asNode, type Handlers, namedBy, relationOf, strings, textOption, typeOf } from "./nodes.ts";
import { kindOf, wordsOf } from "./object-types.ts";

export const currentDatabase: ObjectName = { name: "" };

export function need(
  kind: UsedKind,
  object: ObjectName,
  privilege: string,
  columns?: string[],
  certainty: Certainty = "certain",
): NamedUse {
  return { kind, object, privilege, ...(columns && { columns }), certainty };
}

/** CREATE on the schema in which the object is created. */
export function createIn(object: ObjectName | undefined): NamedUse {
  return need("schema", { name: object?.schema ?? "" }, "CREATE");
}

/** Statements that create objects. */
export function definitions(context: StatementContext): Handlers {
  const { collector, read } = context;
  const create = (kind: UsedKind, words: string, object: ObjectName | undefined, more: Partial<Ddl> = {}) => {
    const needs = [createIn(object), ...(more.needs ?? [])];
    define(context, {
      command: `CREATE ${words}`,
      kind,
      object,
      ifNotExists: false,
      isTemporary: false,
      ...more,
      needs,
    });
  };
  const asOwner = (table: RangeVar | undefined) => need("table", relationOf(table ?? {}), "OWNER");
  return {
    CreateStmt: (stmt) => createTable(stmt, "TABLE", context),
    CreateForeignTableStmt: ({ base, servername }) => {
      if (base) createTable(base, "FOREIGN TABLE", context);
      collector.unknown(`CREATE FOREIGN TABLE needs USAGE on the foreign server ${servername}`);
    },
    CreateTableAsStmt: ({ query, into, objtype, if_not_exists }) => {
      createAs(
        into,
        `${wordsOf(objtype)}${objtype === "OBJECT_MATVIEW" ? "" : " AS"}`,
        if_not_exists ?? false,
        context,
      );
      read(query);
    },
    ViewStmt: ({ view, query, replace = false }) => {
      if (!view) return;
      createRelation(view, "table", "VIEW", replace, [], context);
      // Only its owner's privileges count, when the view is used.
      collector.certainty = "likely";
      read(query);
      collector.certainty = "certain";
    },
    IndexStmt: ({ relation, if_not_exists: ifNotExists = false }) => {
      create("table", "INDEX", relationOf(relation ?? {}), { ifNotExists, needs: [asOwner(relation)] });
    },
    CreateSeqStmt: ({ sequence, options, if_not_exists: ifNotExists = false }) => {
      if (!sequence) return;
      const owned = asNode("List", allOf("DefElem", options).find(({ defname }) => defname === "owned_by")?.arg)?.items;
      const table = strings(owned).slice(0, -1);
      const needs = table.length > 0 ? [need("table", namedBy(table), "OWNER")] : [];
      createRelation(sequence, "sequence", "SEQUENCE", ifNotExists, needs, context);
    },
    CreateSchemaStmt: (stmt) => {
      const name = stmt.schemaname ?? stmt.authrole?.rolename ?? "";
      const needs = [need("database", currentDatabase, "CREATE")];
      const ifNotExists = stmt.if_not_exists ?? false;
      define(context, {
        command: "CREATE SCHEMA",
        kind: "schema",
        object: { name },
        ifNotExists,
        isTemporary: false,
        needs,
      });
      if (stmt.authrole?.rolename)
        collector.unknown(`CREATE SCHEMA ... AUTHORIZATION needs SET ROLE ${stmt.authrole.rolename}`);
      for (const element of stmt.schemaElts ?? []) read(element);
    },
    CreateFunctionStmt: (stmt) => createFunction(stmt, context, create),
    CreateTrigStmt: ({ relation, funcname, replace = false, constrrel }) => {
      const table = relationOf(relation ?? {});
      const needs = [need("table", table, "TRIGGER"), need("function", namedBy(strings(funcname)), "EXECUTE")];
      if (constrrel) needs.push(need("table", relationOf(constrrel), "TRIGGER"));
      define(context, {
        command: "CREATE TRIGGER",
        kind: "table",
        object: table,
        ifNotExists: replace,
        isTemporary: false,
        needs,
      });
    },
    RuleStmt: ({ relation, replace = false }) => onTable("CREATE RULE", relation, replace, context),
    CreatePolicyStmt: ({ table }) => onTable("CREATE POLICY", table, false, context),
    CreateStatsStmt: ({ defnames, relations, if_not_exists: ifNotExists = false }) => {
      const [table] = allOf("RangeVar", relations);
      const object = defnames ? namedBy(strings(defnames)) : relationOf(table ?? {});
      create("other", "STATISTICS", object, { ifNotExists, needs: [asOwner(table)] });
    },
    CompositeTypeStmt: ({ typevar, coldeflist }) => {
      create("type", "TYPE", relationOf(typevar ?? {}), { needs: columnTypes(coldeflist) });
    },
    CreateEnumStmt: ({ typeName }) => create("type", "TYPE", namedBy(strings(typeName))),
    CreateRangeStmt: ({ typeName }) => create("type", "TYPE", namedBy(strings(typeName))),
    CreateDomainStmt: ({ domainname, typeName }) => {
      create("type", "DOMAIN", namedBy(strings(domainname)), { needs: typeUse(typeName) });
    },
    DefineStmt: ({ kind, defnames, definition, if_not_exists = false, replace = false }) => {
      const object = namedBy(strings(defnames));
      create(kindOf(kind), wordsOf(kind), object, { ifNotExists: if_not_exists || replace });
      const isBaseType = kind === "OBJECT_TYPE" && definition;
      if (isBaseType) collector.unknown("CREATE TYPE of a base type is for superusers");
    },
    CreateConversionStmt: ({ conversion_name }) => create("other", "CONVERSION", namedBy(strings(conversion_name))),
    CreateExtensionStmt: ({ extname = "", options, if_not_exists: ifNotExists = false }) => {
      const needs = [need("database", currentDatabase, "CREATE")];
      const schema = textOption(options, "schema");
      if (schema !== undefined) needs.push(need("schema", { name: schema }, "CREATE"));
      const object = { name: extname };
      define(context, { command: "CREATE EXTENSION", kind: "other", object, ifNotExists, isTemporary: false, needs });
      collector.unknown(`CREATE EXTENSION ${extname} is for superusers unless the extension is trusted`);
    },
    CreatePublicationStmt: ({ pubname = "", pubobjects, for_all_tables }) => {
      const tables = allOf("PublicationObjSpec", pubobjects).flatMap(({ pubtable }) => pubtable?.relation ?? []);
      const needs = [need("database", currentDatabase, "CREATE"), ...tables.map(asOwner)];
      const object = { name: pubname };
      define(context, {
        command: "CREATE PUBLICATION",
        kind: "other",
        object,
        ifNotExists: false,
        isTemporary: false,
        needs,
      });
      if (for_all_tables) collector.unknown("CREATE PUBLICATION ... FOR ALL TABLES is for superusers");
    },
  };
}

/** Adds the definition, without needs for what is in the system's schemas. */
export function define({ collector }: StatementContext, ddl: Ddl): void {
  collector.effects.ddl.push(ddl);
}

function onTable(
  command: string,
  relation: RangeVar | undefined,
  ifNotExists: boolean,
  context: StatementContext,
): void {
  const object = relationOf(relation ?? {});
  define(context, {
    command,
    kind: "table",
    object,
    ifNotExists,
    isTemporary: false,
    needs: [need("table", object, "OWNER")],
  });
}

function createRelation(
  relation: RangeVar,
  kind: UsedKind,
  words: string,
  ifNotExists: boolean,
  needs: NamedUse[],
  context: StatementContext,
): void {
  const object = relationOf(relation);
  const isTemporary = relation.relpersistence === "t" || relation.schemaname === "pg_temp";
  if (isTemporary && kind === "table") context.collector.effects.habits.temporaryTables.push(object.name);
  const where = isTemporary ? need("database", currentDatabase, "TEMPORARY") : createIn(object);
  define(context, { command: `CREATE ${words}`, kind, object, ifNotExists, isTemporary, needs: [where, ...needs] });
}

function createTable(stmt: CreateStmt, words: string, context: StatementContext): void {
  const { relation, tableElts = [], inhRelations, constraints = [], ofTypename, if_not_exists, tablespacename } = stmt;
  if (!relation) return;
  const needs = [
    ...allOf("RangeVar", inhRelations).map((parent) => need("table", relationOf(parent), "OWNER")),
    ...allOf("TableLikeClause", tableElts).map(({ relation: like }) => need("table", relationOf(like ?? {}), "SELECT")),
    ...columnTypes(tableElts),
    ...typeUse(ofTypename),
    ...[...constraints, ...tableElts, ...allOf("ColumnDef", tableElts).flatMap((column) => column.constraints ?? [])]
      .flatMap((node) => asNode("Constraint", node) ?? [])
      .flatMap((constraint) => references(constraint, relationOf(relation))),
  ];
  if (tablespacename !== undefined) needs.push(need("other", { name: tablespacename }, "CREATE"));
  createRelation(relation, "table", words, if_not_exists ?? false, needs, context);
}

/** REFERENCES on the table that a foreign key references, unless that is the table itself. */
export function references({ contype, pktable, pk_attrs }: Constraint, table: ObjectName | undefined): NamedUse[] {
  if (contype !== "CONSTR_FOREIGN" || !pktable) return [];
  const referenced = relationOf(pktable);
  if (referenced.schema === table?.schema && referenced.name === table?.name) return [];
  return [need("table", referenced, "REFERENCES", pk_attrs && strings(pk_attrs))];
}

/** USAGE on qualified types of columns; everyone has it on the others, unless someone revoked it. */
function columnTypes(columns: Node[] | undefined): NamedUse[] {
  return allOf("ColumnDef", columns).flatMap(({ typeName }) => typeUse(typeName));
}

function typeUse(type: TypeName | undefined): NamedUse[] {
  const { schema, name } = typeOf(type);
  if (schema === undefined || schema === "pg_catalog" || type?.pct_type) return [];
  return [need("type", { schema, name }, "USAGE")];
}

export function createAs(
  into: IntoClause | undefined,
  words: string,
  ifNotExists: boolean,
  context: StatementContext,
): void {
  if (into?.rel) createRelation(into.rel, "table", words, ifNotExists, [], context);
}

function createFunction(
  { funcname, replace = false, is_procedure, parameters, returnType, options }: CreateFunctionStmt,
  { collector }: StatementContext,
  create: (kind: UsedKind, words: string, object: ObjectName, more: Partial<Ddl>) => void,
): void {
  const types = [...allOf("FunctionParameter", parameters).map(({ argType }) => argType), returnType];
  const language = textOption(options, "language")?.toLowerCase();
  create("function", is_procedure ? "PROCEDURE" : "FUNCTION", namedBy(strings(funcname)), {
    ifNotExists: replace,
    needs: types.flatMap(typeUse),
  });
  if (language !== undefined && !["sql", "plpgsql"].includes(language)) {
    collector.unknown(
      `CREATE FUNCTION ... LANGUAGE ${language} needs USAGE on the language, or a superuser if it is not trusted`,
    );
  }
}
