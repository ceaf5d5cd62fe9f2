import { escapeIdentifier } from "pg";

/** Splits `schema.object`, each part bare or in double quotes as in SQL; undefined when it is not of that form. */
export function splitName(text: string): { schema: string; object: string } | undefined {
  const match = /^(?:"((?:[^"]|"")+)"|([^".]+))\.(.+)$/s.exec(text);
  if (!match) return undefined;
  const schema = match[1]?.replaceAll('""', '"') ?? (match[2] as string);
  return { schema, object: match[3] as string };
}

/** Whether a name from the config means this object: as Postgres quotes it, or plainly as `schema.object`. */
export function isNamed(
  text: string,
  object: { key: string; identity: string; schema: string; name: string },
): boolean {
  return (
    text === object.key ||
    text === object.identity ||
    text === `${object.schema}.${object.name}` ||
    text === `${escapeIdentifier(object.schema)}.${escapeIdentifier(object.name)}`
  );
}
