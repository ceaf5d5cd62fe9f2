import { type Node, scanSync, type VariableSetStmt } from "libpg-query";
import { escapeIdentifier } from "pg";
import type { StatementContext } from "./context.ts";
import { allOf, asNode, type Handlers, strings, textOption } from "./nodes.ts";

/** Statements about the session itself. */
export function sessionStatements({ collector, queries, text, read }: StatementContext): Handlers {
  const { effects } = collector;
  const { habits } = effects;
  const nothing = () => undefined;
  return {
    VariableSetStmt: (stmt) => setVariable(stmt, { collector, text, queries, read }),
    VariableShowStmt: nothing,
    TransactionStmt: nothing,
    ConstraintsSetStmt: nothing,
    FetchStmt: nothing,
    ClosePortalStmt: nothing,
    UnlistenStmt: nothing,
    DiscardStmt: ({ target }) => {
      if (target === "DISCARD_ALL") effects.searchPath = null;
      if (target === "DISCARD_ALL") effects.deallocates = "*";
    },
    ListenStmt: ({ conditionname = "" }) => habits.listens.push(conditionname),
    NotifyStmt: ({ conditionname = "" }) => habits.notifies.push(conditionname),
    PrepareStmt: ({ name = "" }) => {
      effects.prepares = { name, sql: prepared(text) };
      habits.hasSessionState = true;
    },
    ExecuteStmt: ({ name, params }) => {
      effects.executes = name;
      queries.readExpressions(params);
    },
    DeallocateStmt: ({ name, isall }) => {
      effects.deallocates = isall ? "*" : name;
    },
    DeclareCursorStmt: ({ query, options = 0 }) => {
      read(query);
      const isHeld = (options & 0x20) !== 0; // CURSOR_OPT_HOLD
      if (isHeld) habits.hasSessionState = true;
    },
    DoStmt: ({ args }) => {
      const language = textOption(args, "language") ?? "plpgsql";
      effects.bodies.push({ language, source: textOption(args, "as") ?? "" });
    },
    LoadStmt: ({ filename }) => collector.unknown(`LOAD '${filename}' is for superusers, except from $libdir/plugins`),
    CheckPointStmt: () => collector.unknown("CHECKPOINT needs pg_checkpoint"),
  };
}

/** The statement of PREPARE, after AS. */
function prepared(text: string): string {
  const as = scanSync(text).tokens.find((token) => token.keywordKind > 0 && token.text.toLowerCase() === "as");
  // The scanner counts in bytes.
  return as ? Buffer.from(text).subarray(as.end).toString().trim() : text;
}

function setVariable(stmt: VariableSetStmt, { collector }: StatementContext): void {
  const { kind, args, is_local: isLocal = false } = stmt;
  const { effects } = collector;
  const name = stmt.name?.toLowerCase() ?? "";
  const set = (setting: string, value: string) =>
    effects.habits.settings.push({ name: setting, value, isLocal, count: 1 });
  switch (kind) {
    case "VAR_SET_VALUE":
      set(name, settingValue(name, args));
      if (name === "search_path") effects.searchPath = settingValue(name, args);
      if (name === "role" || name === "session_authorization") {
        const [role] = args ?? [];
        const value = asNode("A_Const", role)?.sval?.sval;
        if (value !== undefined && value !== "none") effects.habits.becomes.push(value);
      }
      break;
    case "VAR_SET_MULTI":
      if (name === "session characteristics") {
        for (const { defname = "", arg } of allOf("DefElem", args)) set(`default_${defname}`, constantOf(arg));
      }
      break;
    case "VAR_RESET_ALL":
      effects.searchPath = null;
      break;
    default:
      if (name === "search_path") effects.searchPath = null;
  }
}

/** Settings whose values are lists of identifiers. */
const lists = new Set(["search_path", "temp_tablespaces", "local_preload_libraries", "session_preload_libraries"]);

function settingValue(name: string, args: Node[] = []): string {
  const values = args.map(constantOf);
  return (lists.has(name) ? values.map(identifier) : values).join(", ");
}

function identifier(name: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(name) ? name : escapeIdentifier(name);
}

function constantOf(node: Node | undefined): string {
  const constant = asNode("A_Const", asNode("TypeCast", node)?.arg ?? node);
  if (!constant) return strings(node ? [node] : [])[0] ?? "";
  if (constant.sval) return constant.sval.sval ?? "";
  if (constant.ival) return String(constant.ival.ival ?? 0);
  if (constant.fval) return constant.fval.fval ?? "";
  if (constant.boolval) return String(constant.boolval.boolval ?? false);
  return "";
}
