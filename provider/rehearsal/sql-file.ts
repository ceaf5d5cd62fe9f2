import { readFile } from "node:fs/promises";
import { hasSqlDetails, type Node, parse } from "libpg-query";
import type { SqlFile } from "./goal.ts";

/** A statement of a file. */
export interface FileStatement {
  sql: string;
  /** Starts at 1. */
  line: number;
}

/** A statement that the rehearsal cannot run. */
export interface Refused {
  line: number;
  reason: string;
}

/** Splits a file with Postgres's parser; refuses statements that end the transaction, change the role, or cannot run in one. */
export async function parseSqlFile({ text }: SqlFile): Promise<{ statements: FileStatement[]; refused: Refused[] }> {
  // The parser counts in bytes.
  const bytes = Buffer.from(text);
  const lineAt = (offset: number) => bytes.subarray(0, offset).toString().split("\n").length;
  try {
    const { stmts = [] } = await parse(text);
    const all = stmts.map(({ stmt, stmt_location: start = 0, stmt_len: length }) => {
      const sql = bytes.subarray(start, length === undefined ? undefined : start + length).toString();
      // The statement's line is that of its first word.
      const lead = Buffer.byteLength(sql.slice(0, sql.search(/\S|$/)));
      return { sql: sql.trim(), line: lineAt(start + lead), reason: stmt && refusal(stmt) };
    });
    return {
      statements: all.map(({ sql, line }) => ({ sql, line })),
      refused: all.flatMap(({ line, reason }) => (reason === undefined ? [] : [{ line, reason }])),
    };
  } catch (error) {
    if (!hasSqlDetails(error)) throw error;
    const position = (error.sqlDetails?.cursorPosition ?? 0) + 1;
    const line = lineAt(Buffer.byteLength([...text].slice(0, position).join("")));
    return { statements: [], refused: [{ line, reason: syntaxProblem(error.message, text, line) }] };
  }
}

function syntaxProblem(message: string, text: string, line: number): string {
  const isPsql = /^\s*\\/.test(text.split("\n")[line - 1] ?? "");
  return isPsql ? `${message}: psql commands are not SQL` : message;
}

const endsTransaction = "it would end or divide the rehearsal's transaction";
const changesRole = "it would change the role that the file is run as";
const noTransaction = "it cannot run in a transaction, so it cannot be rolled back";

/** Why the statement cannot be rehearsed; undefined if it can. Postgres itself refuses such statements in functions and DO. */
function refusal(stmt: Node): string | undefined {
  const [[type, node] = ["", {}]] = Object.entries(stmt) as [string, Record<string, unknown>][];
  switch (type) {
    case "TransactionStmt":
      return endsTransaction;
    case "VariableSetStmt":
      return node.name === "role" || node.name === "session_authorization" ? changesRole : undefined;
    case "DiscardStmt":
      return node.target === "DISCARD_ALL" || node.target === "DISCARD_TEMP" ? noTransaction : undefined;
    case "IndexStmt":
    case "DropStmt":
      return node.concurrent ? noTransaction : undefined;
    case "ReindexStmt":
      return node.kind !== "REINDEX_OBJECT_INDEX" && node.kind !== "REINDEX_OBJECT_TABLE"
        ? noTransaction
        : hasOption(node.params, "concurrently")
          ? noTransaction
          : undefined;
    case "AlterTableStmt":
      return (node.cmds as Node[] | undefined)?.some(detachesConcurrently) ? noTransaction : undefined;
    case "VacuumStmt":
      return node.is_vacuumcmd ? noTransaction : undefined;
    case "ClusterStmt":
      return node.relation ? undefined : noTransaction;
    case "AlterDatabaseStmt":
      return hasOption(node.options, "tablespace") ? noTransaction : undefined;
    case "AlterSystemStmt":
    case "CreatedbStmt":
    case "DropdbStmt":
    case "CreateTableSpaceStmt":
    case "DropTableSpaceStmt":
    case "CreateSubscriptionStmt":
    case "DropSubscriptionStmt":
      return noTransaction;
    case "CopyStmt":
      return node.filename ? undefined : "it reads from or writes to the client, and a rehearsal has no client";
    default:
      return undefined;
  }
}

function hasOption(options: unknown, name: string): boolean {
  const list = (options ?? []) as { DefElem?: { defname?: string } }[];
  return list.some(({ DefElem }) => DefElem?.defname === name);
}

function detachesConcurrently(command: Node): boolean {
  if (!("AlterTableCmd" in command)) return false;
  const { subtype, def } = command.AlterTableCmd;
  return (
    subtype === "AT_DetachPartition" && def !== undefined && "PartitionCmd" in def && !!def.PartitionCmd.concurrent
  );
}

/** Reads a file; a relative path starts at the project's folder, in which the command and the plugin run. */
export async function readSqlFile(name: string): Promise<SqlFile> {
  try {
    return { name, text: await readFile(name, "utf8") };
  } catch (error) {
    throw new Error(`cannot read ${name}: ${(error as Error).message}`);
  }
}
