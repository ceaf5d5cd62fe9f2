import type { CopyStmt, LockStmt, RangeVar, ReindexStmt, VacuumStmt } from "libpg-query";
import type { StatementContext } from "./context.ts";
import type { ObjectName } from "./effects.ts";
import { noteCall } from "./function-calls.ts";
import { allOf, type Handlers, relationOf, strings } from "./nodes.ts";

/** Statements on objects that neither are queries nor define anything. */
export function commands(context: StatementContext): Handlers {
  const { collector, queries, read } = context;
  const use = (relation: RangeVar | undefined, privilege: string, columns?: string[]) => {
    if (relation) collector.use({ kind: "table", object: relationOf(relation), privilege, columns });
  };
  return {
    ExplainStmt: ({ query }) => read(query),
    CallStmt: ({ funccall }) => {
      if (!funccall) return;
      noteCall(funccall, collector, true);
      queries.readExpressions(funccall.args);
    },
    TruncateStmt: ({ relations, restart_seqs, behavior }) => {
      for (const relation of allOf("RangeVar", relations)) {
        use(relation, "TRUNCATE");
        // Of the sequences, which have the owner of the table; it may have none.
        if (restart_seqs) {
          collector.use({ kind: "table", object: relationOf(relation), privilege: "OWNER" }, "likely");
        }
      }
      if (behavior === "DROP_CASCADE") {
        collector.unknown("TRUNCATE ... CASCADE also needs TRUNCATE on the tables that reference these");
      }
    },
    LockStmt: (stmt) => lock(stmt, context),
    CopyStmt: (stmt) => copy(stmt, context),
    VacuumStmt: (stmt) => vacuum(stmt, context),
    ClusterStmt: ({ relation }) => use(relation, "MAINTAIN"),
    ReindexStmt: (stmt) => reindex(stmt, context),
    RefreshMatViewStmt: ({ relation }) => use(relation, "MAINTAIN"),
  };
}

/** The weakest of the privileges that allow the mode; each alone does. */
function lock({ relations, mode = 8 }: LockStmt, { collector }: StatementContext): void {
  const privilege = mode === 1 ? "SELECT" : mode === 3 ? "INSERT" : "UPDATE"; // 1: ACCESS SHARE, 3: ROW EXCLUSIVE
  for (const relation of allOf("RangeVar", relations)) {
    collector.use({ kind: "table", object: relationOf(relation), privilege });
  }
}

function copy(stmt: CopyStmt, { collector, queries, read }: StatementContext): void {
  const { relation, query, attlist, is_from: isFrom, is_program: isProgram, filename, whereClause } = stmt;
  const columns = attlist && strings(attlist);
  if (relation) {
    const privilege = isFrom ? "INSERT" : "SELECT";
    collector.use({ kind: "table", object: relationOf(relation), privilege, columns });
    if (whereClause) queries.readExpressionsOn(relation, whereClause);
  }
  read(query);
  const from = isFrom ? "FROM" : "TO";
  const place = isProgram ? "PROGRAM" : filename !== undefined ? "a file" : isFrom ? "STDIN" : "STDOUT";
  const object = relation ? nameOf(relationOf(relation)) : "(query)";
  collector.effects.habits.copies.push(`COPY ${object} ${from} ${place}`);
  if (isProgram) collector.unknown(`COPY ${from} PROGRAM needs pg_execute_server_program`);
  else if (filename !== undefined) {
    collector.unknown(`COPY ${from} a file needs ${isFrom ? "pg_read_server_files" : "pg_write_server_files"}`);
  }
}

function nameOf({ schema, name }: ObjectName): string {
  return schema === undefined ? name : `${schema}.${name}`;
}

function vacuum({ rels, is_vacuumcmd: isVacuum }: VacuumStmt, { collector }: StatementContext): void {
  const relations = allOf("VacuumRelation", rels);
  for (const { relation } of relations) {
    if (relation) collector.use({ kind: "table", object: relationOf(relation), privilege: "VACUUM" });
  }
  if (relations.length === 0) {
    collector.unknown(`${isVacuum ? "VACUUM" : "ANALYZE"} of all tables skips those that the role must not maintain`);
  }
}

function reindex({ kind, relation, name = "" }: ReindexStmt, { collector }: StatementContext): void {
  if (relation) collector.use({ kind: "table", object: relationOf(relation), privilege: "MAINTAIN" });
  else if (kind === "REINDEX_OBJECT_SCHEMA") {
    collector.use({ kind: "schema", object: { name }, privilege: "OWNER" });
  } else collector.use({ kind: "database", object: { name }, privilege: "OWNER" });
}
