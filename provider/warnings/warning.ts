import { codeOf, type Queryable } from "../postgres/connection.ts";
import { listOf } from "../postgres/explain.ts";

/** Something that works today and will fail without notice after the change of owner or a cutover. */
export interface Warning {
  /** As users and the plan name it: `reporting.v_trips`, `function tickets.f(integer)`. */
  object: string;
  /** What will change, and for which role. */
  what: string;
  /** How to fix it; after the fix the warning is no longer found. */
  remedy: string;
}

/** A kind of warning. It reads the catalog, changes nothing and takes no locks beyond those of a SELECT. */
export interface WarningKind<Facts> {
  /** Used in errors: `views whose owner cannot read their relations`. */
  name: string;
  find(db: Queryable, facts: Facts, reads: SharedReads): Promise<Warning[]>;
}

/** Catalog reads that several warnings, or the warnings of several roles, share: each is made once. */
export class SharedReads {
  readonly #made = new Map<unknown, Promise<unknown>>();

  /** @param key identifies the read; default: the function itself */
  once<T>(db: Queryable, read: (db: Queryable) => Promise<T>, key: unknown = read): Promise<T> {
    const known = this.#made.get(key) as Promise<T> | undefined;
    if (known) return known;
    const made = read(db);
    this.#made.set(key, made);
    made.catch(() => this.#made.delete(key));
    return made;
  }
}

/** Lines printed of one kind of warning; further ones are only counted. */
const linesPerKind = 10;

/**
 * Finds the warnings of these kinds: one line each, with objects that share the text on one line. A kind that cannot be read
 * becomes a warning, too: it must not fail a preview, nor hide that the check did not run.
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
      lines.push(oneLine(`could not check for ${kind.name}: ${said}${code ? ` (${code})` : ""}`));
    }
  }
  return lines;
}

/** The lines of `warningsOf` for the warnings of one kind; exported for its test. */
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

/** Names can contain anything, including line ends and control characters of the terminal. */
export function oneLine(text: string): string {
  return text.replace(/\p{Cc}/gu, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`);
}
