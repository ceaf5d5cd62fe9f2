import { escapeIdentifier } from "pg";
import { isPattern, type ObjectName, parseObjectName, quotedObject } from "../../model/object-name.ts";

export { unquoted } from "../../model/object-name.ts";

/** A name as people write it in SQL: bare where that means the same, else in double quotes. */
export function quoted(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : escapeIdentifier(name);
}

/** Splits `schema.object`; undefined when it is not of the grammar of names. The object stays as it is written. */
export function splitName(text: string): { schema: string; object: string } | undefined {
  const name = parseObjectName(text);
  return name && { schema: name.schema, object: name.rest };
}

/** An object's names, as the catalog has them. */
interface Named {
  key: string;
  identity: string;
  schema: string;
  name: string;
  /** Postgres's name of its kind; undefined: any kind in a name is taken for its own. */
  type?: string;
  /** A routine's, as in `integer,text`, where they read otherwise than in the identity. */
  argumentTypes?: string | undefined;
}

/** Whether a name from the config means this object: as the plan prints it, or by the grammar of names. */
export function isNamed(text: string, object: Named): boolean {
  if (text === object.key || text === object.identity) return true;
  const parsed = parseObjectName(text);
  if (!parsed || !isPlaceOf(parsed, object)) return false;
  const tails = tailsOf(object);
  const quoted = quotedObject(parsed);
  if (quoted) return quoted.name === object.name && tails.includes(plain(quoted.tail));
  const { rest } = parsed;
  return (
    rest === object.name || (rest.startsWith(object.name) && tails.includes(plain(rest.slice(object.name.length))))
  );
}

/** Whether a name with `*` (any characters, or none) or `?` (one character) means this object among others. */
export function isMatched(pattern: string, object: Named): boolean {
  const parsed = parseObjectName(pattern);
  if (!parsed || !isPattern(parsed) || !isPlaceOf(parsed, object)) return false;
  const quoted = quotedObject(parsed);
  if (quoted && quoted.name !== object.name) return false;
  const expression = expressionOf(plain(quoted ? quoted.tail : parsed.rest));
  return tailsOf(object).some((tail) => expression.test(quoted ? tail : object.name + tail));
}

function isPlaceOf({ kind, schema }: ObjectName, object: Named): boolean {
  return schema === object.schema && (kind === undefined || object.type === undefined || kind === object.type);
}

/** What may stand behind the object's name: nothing, or what Postgres prints there, as a routine's argument types. */
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
