import type { Node, ObjectType } from "libpg-query";
import type { UsedKind } from "../evidence.ts";
import type { ObjectName } from "./effects.ts";
import { asNode, namedBy, objectOf, strings } from "./nodes.ts";

const kinds: { [Type in ObjectType]?: UsedKind } = {
  OBJECT_TABLE: "table",
  OBJECT_VIEW: "table",
  OBJECT_MATVIEW: "table",
  OBJECT_FOREIGN_TABLE: "table",
  OBJECT_INDEX: "table",
  OBJECT_COLUMN: "table",
  OBJECT_TABCONSTRAINT: "table",
  OBJECT_TRIGGER: "table",
  OBJECT_RULE: "table",
  OBJECT_POLICY: "table",
  OBJECT_SEQUENCE: "sequence",
  OBJECT_FUNCTION: "function",
  OBJECT_PROCEDURE: "function",
  OBJECT_ROUTINE: "function",
  OBJECT_AGGREGATE: "function",
  OBJECT_SCHEMA: "schema",
  OBJECT_DATABASE: "database",
  OBJECT_TYPE: "type",
  OBJECT_DOMAIN: "type",
  OBJECT_ATTRIBUTE: "type",
  OBJECT_DOMCONSTRAINT: "type",
};

const words: { [Type in ObjectType]?: string } = {
  OBJECT_MATVIEW: "MATERIALIZED VIEW",
  OBJECT_STATISTIC_EXT: "STATISTICS",
  OBJECT_FOREIGN_SERVER: "SERVER",
  OBJECT_FDW: "FOREIGN DATA WRAPPER",
  OBJECT_TABCONSTRAINT: "CONSTRAINT",
  OBJECT_DOMCONSTRAINT: "CONSTRAINT",
  OBJECT_TSCONFIGURATION: "TEXT SEARCH CONFIGURATION",
  OBJECT_TSDICTIONARY: "TEXT SEARCH DICTIONARY",
  OBJECT_TSPARSER: "TEXT SEARCH PARSER",
  OBJECT_TSTEMPLATE: "TEXT SEARCH TEMPLATE",
};

/** Objects of a table, whose names follow the table's. */
const partsOfTables = new Set<ObjectType>([
  "OBJECT_COLUMN",
  "OBJECT_TABCONSTRAINT",
  "OBJECT_TRIGGER",
  "OBJECT_RULE",
  "OBJECT_POLICY",
]);

export function kindOf(type: ObjectType | undefined): UsedKind {
  return (type && kinds[type]) ?? "other";
}

/** As in the statement: MATERIALIZED VIEW. */
export function wordsOf(type: ObjectType | undefined): string {
  if (!type) return "OBJECT";
  return words[type] ?? type.slice("OBJECT_".length).replaceAll("_", " ");
}

/** The object that DROP or COMMENT names; of a trigger or column its table, of a domain's constraint the domain. */
export function namedObject(type: ObjectType | undefined, node: Node | undefined): ObjectName | undefined {
  const items = asNode("List", node)?.items ?? [];
  if (type && partsOfTables.has(type)) return namedBy(strings(items).slice(0, -1));
  if (type === "OBJECT_DOMCONSTRAINT") return objectOf(items[0]);
  return objectOf(node);
}
