import type { Effects } from "./effects.ts";
import { effectsOf } from "./effects-of.ts";
import type { Routine } from "./names-in-database.ts";
import { effectsOfPlpgsql } from "./plpgsql.ts";

/** What a function does. Undefined: its body cannot be parsed. */
export async function effectsOfBody({ language, source }: Routine): Promise<Effects[] | undefined> {
  if (source === undefined) return [];
  try {
    return language === "plpgsql" ? await effectsOfPlpgsql(source) : await effectsOf(statementsOf(source));
  } catch {
    return undefined;
  }
}

/** The statements of a SQL function; a body in the standard's form is printed by Postgres as one of these two. */
function statementsOf(source: string): string {
  const atomic = /^\s*BEGIN ATOMIC\b([\s\S]*)\bEND\s*$/.exec(source)?.[1];
  return atomic ?? source.replace(/^\s*RETURN\b/, "SELECT");
}

/** What a DO block in PL/pgSQL does. Throws UnparsableStatement. */
export function effectsOfBlock(source: string): Promise<Effects[]> {
  return effectsOfPlpgsql(asFunction(source));
}

function asFunction(source: string): string {
  let tag = "$body$";
  for (let n = 1; source.includes(tag); n++) tag = `$body${n}$`;
  return `CREATE FUNCTION pg_temp.block() RETURNS void LANGUAGE plpgsql AS ${tag}${source}${tag}`;
}
