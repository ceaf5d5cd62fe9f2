import { escapeIdentifier } from "pg";
import { isPattern, type ObjectName, parseObjectName, quotedObject } from "../../model/object-name.ts";

export { unquoted } from "../../model/object-name.ts";

/** A name as written in SQL: in double quotes only if it needs them. */
export function quoted(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : escapeIdentifier(name);
}

/** Splits `schema.object`; undefined if it does not match the grammar of names. The object stays as written. */
export function splitName(text: string): { schema: string; object: string } | undefined {
  const name = parseObjectName(text);
  return name && { schema: name.schema, object: name.rest };
}

/** An object's names in the catalog. */
interface Named {
  key: string;
  identity: string;
  schema: string;
  name: string;
  /** Postgres's name of its kind; undefined: matches any kind in a name. */
  type?: string;
  /** Of a routine, as in `integer,text`, if they differ from those in the identity. */
  argumentTypes?: string | undefined;
}

/** Whether a name from the config is the object's: as the plan prints it, or by the grammar of names. */
export function isNamed(text: string, object: Named): boolean {
  if (text === object.key || text === object.identity) return true;
  const parsed = parseObjectName(text);
  if (!parsed || !matchesPlace(parsed, object)) return false;
  const tails = tailsOf(object);
  const quoted = quotedObject(parsed);
  if (quoted) return quoted.name === object.name && tails.includes(plain(quoted.tail));
  const { rest } = parsed;
  return (
    rest === object.name || (rest.startsWith(object.name) && tails.includes(plain(rest.slice(object.name.length))))
  );
}

/** Whether a pattern with `*` (any characters, or none) or `?` (one character) matches the object. */
export function isMatched(pattern: string, object: Named): boolean {
  const parsed = parseObjectName(pattern);
  if (!parsed || !isPattern(parsed) || !matchesPlace(parsed, object)) return false;
  const quoted = quotedObject(parsed);
  if (quoted && quoted.name !== object.name) return false;
  const expression = expressionOf(plain(quoted ? quoted.tail : parsed.rest));
  return tailsOf(object).some((tail) => expression.test(quoted ? tail : object.name + tail));
}

function matchesPlace({ kind, schema }: ObjectName, object: Named): boolean {
  return schema === object.schema && (kind === undefined || object.type === undefined || kind === object.type);
}

/** Text that can follow the object's name: nothing, or what Postgres prints there, such as a routine's argument types. */
function tailsOf({ identity, argumentTypes }: Named): string[] {
  const parsed = parseObjectName(identity);
  const printed = parsed && (quotedObject(parsed)?.tail ?? parsed.rest.replace(/^[^( ]*/, ""));
  const types = argumentTypes === undefined ? [] : [`(${argumentTypes})`];
  return ["", ...(printed ? [plain(printed)] : []), ...types.map(plain)];
}

function plain(tail: string): string {
  return tail.replaceAll(", ", ",");
}

function expressionOf(pattern: string): RegExp {
  const source = pattern.replace(/[.*+?^${}()|[\]\\/]/g, (char) =>
    char === "*" ? ".*" : char === "?" ? "." : `\\${char}`,
  );
  return new RegExp(`^${source}$`, "su");
}
