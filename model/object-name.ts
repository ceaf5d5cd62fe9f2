/**
 * The one grammar of object names in the configuration, in what previews print and in warnings:
 * `[kind] schema.object[(argument types)]`. Each part stands as it is, capitals too, or in double quotes as in SQL, where `""`
 * is a quote; a part with a dot or a quote needs them. Outside quotes `*` in the object means any characters, or none, and `?`
 * one character.
 */
export interface ObjectName {
  /** `function`, `type`, ...: undefined when the name says none. */
  kind: string | undefined;
  schema: string;
  /** As it stands behind the schema's dot. */
  rest: string;
}

/** What a name may begin with: Postgres's names of kinds (pg_identify_object), longest first. */
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

/** Takes a name apart; undefined when it is not of the grammar. */
export function parseObjectName(text: string): ObjectName | undefined {
  const kind = kindPattern.exec(text)?.[1];
  const match = /^(?:"((?:[^"]|"")+)"|([^".]+))\.(.+)$/s.exec(kind === undefined ? text : text.slice(kind.length + 1));
  if (!match) return undefined;
  const rest = match[3] as string;
  if (rest.startsWith('"') && !/^"(?:[^"]|"")+"/.test(rest)) return undefined;
  return { kind, schema: match[1]?.replaceAll('""', '"') ?? (match[2] as string), rest };
}

/** Whether it may stand for several objects: it has `*` or `?` outside quotes. */
export function isPattern({ rest }: ObjectName): boolean {
  return /[*?]/.test(rest.replace(quotedStart, ""));
}

/** The object without its quotes, and what follows them, such as `(integer)`; undefined for a bare one, which may be all name. */
export function quotedObject({ rest }: ObjectName): { name: string; tail: string } | undefined {
  const quoted = quotedStart.exec(rest)?.[0];
  if (quoted === undefined) return undefined;
  return { name: unquoted(quoted), tail: rest.slice(quoted.length) };
}

const quotedStart = /^"(?:[^"]|"")+"/;

/** The name that a quoted identifier stands for; a bare one stands for itself. */
export function unquoted(identifier: string): string {
  return /^".*"$/s.test(identifier) ? identifier.slice(1, -1).replaceAll('""', '"') : identifier;
}

/** A name as it can be pasted into the configuration's YAML. */
export function yamlName(name: string): string {
  return /^[A-Za-z_][\w$]*\.[\w$]+$/.test(name) ? name : JSON.stringify(name);
}

/** A schema's bare name as it can be pasted into the configuration's YAML. */
export function yamlSchema(name: string): string {
  return /^[A-Za-z_][\w$]*$/.test(name) ? name : JSON.stringify(name);
}
