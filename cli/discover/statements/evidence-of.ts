import { isCutOff } from "../cut-off.ts";
import type { Evidence, Statement, Unknown, Use } from "../evidence.ts";
import { breaksPooling } from "./breaks-pooling.ts";
import { type Effects, mergeHabits } from "./effects.ts";
import { effectsOf } from "./effects-of.ts";
import { normalize } from "./normalize.ts";
import { isTemporaryName, type Passing, passingNames } from "./passing-names.ts";
import type { Resolved, Resolver } from "./resolve.ts";

/** What one service was seen to do. */
export interface Seen {
  evidence: Evidence;
  /** OIDs of the tables that it writes, itself or through functions. */
  written: Set<string>;
}

interface Parsed {
  statement: Statement;
  /** Undefined: it cannot be parsed. */
  effects: Effects[] | undefined;
  isCut: boolean;
}

/**
 * The evidence that the statements of one service in one database give.
 *
 * @param querySize track_activity_query_size, at which the server cuts off the statements of sessions
 */
export async function evidenceOf(
  database: string,
  statements: Statement[],
  resolver: Resolver,
  querySize: number,
): Promise<Seen> {
  const parsed: Parsed[] = [];
  for (const statement of statements) {
    const isCut = isCutOff(statement, querySize);
    parsed.push({ statement, effects: await effectsOf(statement.text).catch(() => undefined), isCut });
  }
  const all = parsed.flatMap(({ effects }) => effects ?? []);
  const passing = passingNames(all);
  const prepared = new Map(all.flatMap(({ prepares }) => (prepares ? [[prepares.name, prepares.sql] as const] : [])));
  const gathered = new Gathered(database);
  for (const each of parsed) await gather(gathered, each, { resolver, passing, prepared, querySize });
  return gathered.seen();
}

interface Context {
  resolver: Resolver;
  passing: Passing;
  /** PREPARE in SQL: name to statement. */
  prepared: Map<string, string>;
  querySize: number;
}

async function gather(gathered: Gathered, { statement, effects, isCut }: Parsed, context: Context): Promise<void> {
  const { resolver, passing, prepared, querySize } = context;
  gathered.count(statement);
  const limit = statement.source === "log" ? "longer than a megabyte" : `track_activity_query_size = ${querySize}`;
  if (isCut) gathered.addUnknown(`the text was cut off (${limit})`, statement);
  if (!effects) {
    if (!isCut) gathered.addUnknown("the text cannot be parsed", statement);
    return;
  }
  const executed: Effects[] = [];
  for (const each of effects) {
    executed.push(each);
    const sql = each.prepares?.sql ?? (each.executes === undefined ? undefined : prepared.get(each.executes));
    if (sql !== undefined) executed.push(...(await effectsOf(sql).catch(() => [])));
    else if (each.executes !== undefined)
      gathered.addUnknown("a prepared statement whose text was not seen", statement);
  }
  const { user, searchPath } = statement;
  gathered.add(statement, executed, await resolver.resolve(executed, { user, searchPath, passing }), passing);
}

class Gathered {
  readonly #database: string;
  readonly #uses = new Map<string, Use>();
  readonly #ddl = new Map<string, Evidence["ddl"][number]>();
  readonly #unknown = new Map<string, Unknown>();
  readonly #habits: Resolved["habits"] = [];
  readonly #written = new Set<string>();
  #statements = 0;

  constructor(database: string) {
    this.#database = database;
  }

  count({ count }: Statement): void {
    this.#statements += count;
  }

  add(statement: Statement, effects: Effects[], resolved: Resolved, passing: Passing): void {
    const { uses, written, habits, unknown } = resolved;
    const example = normalize(statement.text);
    for (const use of uses) {
      const key = JSON.stringify([use.kind, use.schema, use.name, use.privilege, use.via]);
      const known = this.#uses.get(key);
      if (!known) this.#uses.set(key, { ...use, ...occurrence(statement), example });
      else {
        if (use.certainty === "certain") known.certainty = use.certainty;
        known.columns = known.columns && use.columns && [...new Set([...known.columns, ...use.columns])];
        again(known, statement);
      }
    }
    const definitions = effects.flatMap(({ ddl }) => ddl);
    if (definitions.some(({ object, isTemporary }) => !isTemporary && !isTemporaryName(object, passing))) {
      const known = this.#ddl.get(example);
      if (known) again(known, statement);
      else this.#ddl.set(example, { example, ...occurrence(statement) });
    }
    for (const id of written) this.#written.add(id);
    for (const reason of unknown) this.addUnknown(reason, statement);
    this.#habits.push(...habits);
  }

  addUnknown(reason: string, statement: Statement): void {
    const example = normalize(statement.text);
    const key = JSON.stringify([reason, example]);
    const known = this.#unknown.get(key);
    if (known) again(known, statement);
    else this.#unknown.set(key, { reason, example, ...occurrence(statement) });
  }

  seen(): Seen {
    const habits = mergeHabits(this.#habits);
    return {
      evidence: {
        database: this.#database,
        statements: this.#statements,
        uses: [...this.#uses.values()].toSorted(mostUsedFirst),
        ddl: [...this.#ddl.values()].toSorted((a, b) => b.count - a.count || order(a.example, b.example)),
        habits,
        breaksPooling: breaksPooling(habits),
        unknown: [...this.#unknown.values()].toSorted((a, b) => b.count - a.count || order(a.example, b.example)),
      },
      written: this.#written,
    };
  }
}

function occurrence({ count, at }: Statement): { count: number; last?: Date } {
  return { count, ...(at && { last: at }) };
}

function again(known: { count: number; last?: Date | undefined }, { count, at }: Statement): void {
  known.count += count;
  if (at && (!known.last || at > known.last)) known.last = at;
}

function mostUsedFirst(a: Use, b: Use): number {
  const name = ({ schema, name, privilege, via = "" }: Use) => [schema, name, privilege, via].join("\0");
  return b.count - a.count || order(name(a), name(b));
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
