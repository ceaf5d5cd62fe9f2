/**
 * The grammar of object names in the configuration, previews and warnings: `[kind] schema.object[(argument types)]`. Each part
 * is written as it is, including capitals, or in double quotes as in SQL, where `""` is a quote; a part with a dot or a quote
 * needs them. Outside quotes `*` in the object matches any characters and `?` one.
 */
export interface ObjectName {
  /** `function`, `type`, ...; undefined without one. */
  kind: string | undefined;
  schema: string;
  /** The text after the schema's dot. */
  rest: string;
}

/** Kinds that a name may begin with, as pg_identify_object names them, longest first. */
const kinds = [
  "text search configuration",
  "text search dictionary",
  "materialized view",
  "statistics object",
  "composite type",
  "operator family",
  "operator class",
  "foreign table",
  "conversion",
  "collation",
  "procedure",
  "aggregate",
  "operator",
  "function",
  "sequence",
  "routine",
  "domain",
  "table",
  "view",
  "type",
];
const kindPattern = new RegExp(`^(${kinds.join("|")}) `);

/** The parts of a name; undefined if it does not follow the grammar. */
export function parseObjectName(text: string): ObjectName | undefined {
  const kind = kindPattern.exec(text)?.[1];
  const match = /^(?:"((?:[^"]|"")+)"|([^".]+))\.(.+)$/s.exec(kind === undefined ? text : text.slice(kind.length + 1));
  if (!match) return undefined;
  const rest = match[3] as string;
  if (rest.startsWith('"') && !/^"(?:[^"]|"")+"/.test(rest)) return undefined;
  return { kind, schema: match[1]?.replaceAll('""', '"') ?? (match[2] as string), rest };
}

/** Whether it can match several objects: it has `*` or `?` outside quotes. */
export function isPattern({ rest }: ObjectName): boolean {
  return /[*?]/.test(rest.replace(quotedStart, ""));
}

/** A quoted object without its quotes, and the text after them, such as `(integer)`; undefined for an unquoted one. */
export function quotedObject({ rest }: ObjectName): { name: string; tail: string } | undefined {
  const quoted = quotedStart.exec(rest)?.[0];
  if (quoted === undefined) return undefined;
  return { name: unquoted(quoted), tail: rest.slice(quoted.length) };
}

const quotedStart = /^"(?:[^"]|"")+"/;

/** An identifier without its quotes. */
export function unquoted(identifier: string): string {
  return /^".*"$/s.test(identifier) ? identifier.slice(1, -1).replaceAll('""', '"') : identifier;
}

/** A name as it can be pasted into the configuration's YAML. */
export function yamlName(name: string): string {
  return /^[A-Za-z_][\w$]*\.[\w$]+$/.test(name) ? name : JSON.stringify(name);
}

/** A schema's name as it can be pasted into the configuration's YAML. */
export function yamlSchema(name: string): string {
  return /^[A-Za-z_][\w$]*$/.test(name) ? name : JSON.stringify(name);
}
