import { escapeIdentifier } from "pg";

/** Splits `schema.object`, each part bare or in double quotes as in SQL; undefined when it is not of that form. */
export function splitName(text: string): { schema: string; object: string } | undefined {
  const match = /^(?:"((?:[^"]|"")+)"|([^".]+))\.(.+)$/s.exec(text);
  if (!match) return undefined;
  const schema = match[1]?.replaceAll('""', '"') ?? (match[2] as string);
  return { schema, object: match[3] as string };
}

/** The name that a quoted identifier stands for. */
export function unquoted(identifier: string): string {
  return /^".*"$/s.test(identifier) ? identifier.slice(1, -1).replaceAll('""', '"') : identifier;
}

/** An object's names, as the catalog has them. */
interface Named {
  key: string;
  identity: string;
  schema: string;
  name: string;
}

/** Whether a name from the config means this object: as Postgres quotes it, or plainly as `schema.object`. */
export function isNamed(text: string, object: Named): boolean {
  return namesOf(object).includes(text);
}

/** Whether a name with `*` (any characters, or none) or `?` (one character) means this object among others. */
export function isMatched(pattern: string, object: Named): boolean {
  if (!/[*?]/.test(pattern)) return false;
  const source = pattern.replace(/[.*+?^${}()|[\]\\/]/g, (char) =>
    char === "*" ? ".*" : char === "?" ? "." : `\\${char}`,
  );
  const expression = new RegExp(`^${source}$`, "su");
  return namesOf(object).some((name) => expression.test(name));
}

function namesOf({ key, identity, schema, name }: Named): string[] {
  const quoted = escapeIdentifier(schema);
  return [key, identity, `${schema}.${name}`, `${quoted}.${name}`, `${quoted}.${escapeIdentifier(name)}`];
}
