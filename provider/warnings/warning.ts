import { codeOf, type Queryable } from "../postgres/connection.ts";
import { listOf } from "../postgres/list.ts";

/** Something that works today and will not, silently, once the move or a cutover is done. */
export interface Warning {
  /** As people and the plan name it: `reporting.v_trips`, `function tickets.f(integer)`. */
  object: string;
  /** What will be different, and for whom. */
  what: string;
  /** What to do about it; once it is done the warning is not found any more. */
  remedy: string;
}

/** One kind of warning: reads the catalog, changes nothing and locks nothing beyond a SELECT. */
export interface WarningKind<Facts> {
  /** What is looked for, as it stands in an error: `views that their owner may not read`. */
  name: string;
  find(db: Queryable, facts: Facts, reads: SharedReads): Promise<Warning[]>;
}

/** Reads of a whole database that several warnings, or those of several roles, are judged by: each is made once. */
export class SharedReads {
  readonly #made = new Map<unknown, Promise<unknown>>();

  /** @param key what the read goes by; default: the function itself */
  once<T>(db: Queryable, read: (db: Queryable) => Promise<T>, key: unknown = read): Promise<T> {
    const known = this.#made.get(key) as Promise<T> | undefined;
    if (known) return known;
    const made = read(db);
    this.#made.set(key, made);
    made.catch(() => this.#made.delete(key));
    return made;
  }
}

/** Lines printed of one kind of warning before they are only counted. */
const linesPerKind = 10;

/**
 * What is found of these kinds, as warnings: one line each, objects that share their text on one line. A kind that
 * cannot be read is a warning too: a preview must not fail for it, nor hide that nobody looked.
 */
export async function warningsOf<Facts>(
  db: Queryable,
  facts: Facts,
  kinds: WarningKind<Facts>[],
  reads = new SharedReads(),
): Promise<string[]> {
  const lines: string[] = [];
  for (const kind of kinds) {
    try {
      lines.push(...linesOf(await kind.find(db, facts, reads)));
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      const code = codeOf(error);
      lines.push(oneLine(`nobody has looked for ${kind.name}: ${said}${code ? ` (${code})` : ""}`));
    }
  }
  return lines;
}

/** Exported for its test: what `warningsOf` makes of the warnings of one kind. */
export function linesOf(warnings: Warning[]): string[] {
  const alike = new Map<string, { objects: Set<string>; warning: Warning }>();
  for (const warning of warnings) {
    const key = JSON.stringify([warning.what, warning.remedy]);
    const group = alike.get(key) ?? { objects: new Set(), warning };
    group.objects.add(warning.object);
    alike.set(key, group);
  }
  const groups = [...alike.values()];
  const lines = groups
    .slice(0, linesPerKind)
    .map(({ objects, warning: { what, remedy } }) => oneLine(`${listOf([...objects])}: ${what}. Remedy: ${remedy}`));
  const rest = new Set(groups.slice(linesPerKind).flatMap(({ objects }) => [...objects]));
  return rest.size > 0 ? [...lines, oneLine(`and ${rest.size} more like these: ${listOf([...rest])}`)] : lines;
}

/** Names may hold anything, line ends and the terminal's control characters too. */
function oneLine(text: string): string {
  return text.replace(/\p{Cc}/gu, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`);
}
