import type { FuncCall, Node } from "libpg-query";
import type { Collector } from "./collector.ts";
import type { ObjectName } from "./effects.ts";
import { asNode, namedBy, objectInText, stringConstant, strings } from "./nodes.ts";

const sequenceFunctions: Record<string, string> = { nextval: "USAGE", currval: "USAGE", setval: "UPDATE" };

const sessionLocks = new Set([
  "pg_advisory_lock",
  "pg_advisory_lock_shared",
  "pg_try_advisory_lock",
  "pg_try_advisory_lock_shared",
]);
const transactionLocks = new Set([
  "pg_advisory_xact_lock",
  "pg_advisory_xact_lock_shared",
  "pg_try_advisory_xact_lock",
  "pg_try_advisory_xact_lock_shared",
]);

/** Functions that run SQL in a text: which argument has it. */
const runsText: Record<string, number> = {
  query_to_xml: 0,
  query_to_xmlschema: 0,
  query_to_xml_and_xmlschema: 0,
  ts_stat: 0,
  crosstab: 0,
  connectby: 0,
};

/** Functions of TimescaleDB that only the owner of the table in the first argument may call. */
const ownersOnly = new Set([
  "create_hypertable",
  "set_chunk_time_interval",
  "set_integer_now_func",
  "add_dimension",
  "drop_chunks",
  "attach_tablespace",
  "detach_tablespace",
  "add_retention_policy",
  "remove_retention_policy",
  "add_compression_policy",
  "remove_compression_policy",
  "add_columnstore_policy",
  "remove_columnstore_policy",
  "add_reorder_policy",
  "remove_reorder_policy",
  "add_continuous_aggregate_policy",
  "remove_continuous_aggregate_policy",
  "refresh_continuous_aggregate",
]);

/** Notes the call of a function, and what is known of functions that come with Postgres and TimescaleDB. */
export function readCall(node: FuncCall, collector: Collector, readText: (sql: string) => void): void {
  const { args = [] } = node;
  const called = noteCall(node, collector, false);
  const { name, schema } = called;
  const constants = args.map(stringConstant);
  const { habits } = collector.effects;
  if (name in runsText) {
    const text = constants[runsText[name] as number];
    if (text === undefined) collector.unknown(`${name} runs SQL that is computed`);
    else readText(text);
  }
  if (ownersOnly.has(name)) ownTable(name, constants[0], collector);
  if (name.startsWith("dblink")) collector.unknown(`${name} connects to another database`);
  if (schema !== undefined && schema !== "pg_catalog") return;
  if (name in sequenceFunctions) useSequence(name, args[0], collector);
  if (sessionLocks.has(name)) habits.sessionAdvisoryLocks++;
  if (transactionLocks.has(name)) habits.transactionAdvisoryLocks++;
  if (name === "pg_notify") habits.notifies.push(constants[0] ?? "*");
  if (name === "set_config") setConfig(constants, args[2], collector);
  if (/^lo_(?!import|export)|^loread$|^lowrite$/.test(name))
    collector.unknown("large objects have owners of their own");
  if (name === "pg_terminate_backend" || name === "pg_cancel_backend") {
    collector.unknown(`${name} needs pg_signal_backend for sessions of other roles`);
  }
}

export function noteCall({ funcname, args = [] }: FuncCall, collector: Collector, isProcedure: boolean): ObjectName {
  const called = namedBy(strings(funcname));
  const constants = args.map(stringConstant);
  collector.effects.calls.push({ function: called, argumentCount: args.length, isProcedure, constants });
  return called;
}

function useSequence(name: string, argument: Node | undefined, collector: Collector): void {
  const privilege = sequenceFunctions[name] as string;
  const text = stringConstant(argument);
  const sequence = text === undefined ? undefined : objectInText(text);
  const uncast = asNode("TypeCast", argument)?.arg ?? argument;
  const inner = asNode("FuncCall", uncast);
  if (sequence) collector.use({ kind: "sequence", object: sequence, privilege });
  else if (inner && strings(inner.funcname).at(-1) === "pg_get_serial_sequence") {
    const [table, ofColumn] = (inner.args ?? []).map(stringConstant);
    const object = table === undefined ? undefined : objectInText(table);
    if (object && ofColumn !== undefined) collector.use({ kind: "sequence", object, privilege, ofColumn });
    else collector.unknown(`${name} of a sequence that is computed`);
  } else collector.unknown(`${name} of a sequence that is computed`);
}

function ownTable(name: string, text: string | undefined, collector: Collector): void {
  const object = text === undefined ? undefined : objectInText(text);
  if (object) collector.use({ kind: "table", object, privilege: "OWNER" });
  else collector.unknown(`${name} of a table that is computed`);
}

function setConfig([name, value]: (string | undefined)[], isLocal: Node | undefined, { effects }: Collector): void {
  if (name === undefined) return;
  const local = asNode("A_Const", isLocal)?.boolval?.boolval === true;
  effects.habits.settings.push({ name: name.toLowerCase(), value: value ?? "*", isLocal: local, count: 1 });
  if (name.toLowerCase() === "search_path" && value !== undefined) effects.searchPath = value;
  if (name.toLowerCase() === "role" && value !== undefined && value !== "none") effects.habits.becomes.push(value);
}
