import type { Certainty, Habits, UsedKind } from "../evidence.ts";

/** A name as the parser gives it: unquoted, and without a schema if the statement has none. */
export interface ObjectName {
  schema?: string | undefined;
  name: string;
}

/**
 * A privilege that a statement needs on an object. USAGE on the schema of a qualified object goes without saying.
 *
 * System catalogs with a schema are left out if everyone may read them; an unqualified `pg_class` is not, since only the catalog
 * knows whether it is one.
 */
export interface NamedUse {
  /** A `table` can also be an index, which stands for its table. */
  kind: UsedKind;
  /** An empty name: the current database, or the current schema (the first of search_path). */
  object: ObjectName;
  /**
   * MAINTAIN is OWNER before PostgreSQL 17. OWNER: ownership, also through membership. VACUUM, also of ANALYZE, is MAINTAIN from
   * PostgreSQL 17: without it Postgres skips the table with a warning.
   */
  privilege: string;
  /** Undefined: the whole table, any column, or not known. */
  columns?: string[] | undefined;
  /** Of a sequence: `object` is a table, and the sequence that of this column (pg_get_serial_sequence). */
  ofColumn?: string | undefined;
  certainty: Certainty;
}

/** A call of a function or procedure. */
export interface Call {
  function: ObjectName;
  argumentCount: number;
  isProcedure: boolean;
  /** For each argument its value if it is a string constant. */
  constants: (string | undefined)[];
}

/** A definition, as `log_statement = ddl` understands it, except REFRESH and what only concerns temporary objects. */
export interface Ddl {
  /** The command tag: CREATE TABLE. */
  command: string;
  kind: UsedKind;
  object?: ObjectName | undefined;
  /** Also CREATE OR REPLACE: harmless if it is repeated. */
  ifNotExists: boolean;
  isTemporary: boolean;
  needs: NamedUse[];
}

/** What one statement does, by the names in its text: `effectsOf` and `effectsOfPlpgsql`, which load the parser with them. */
export interface Effects {
  uses: NamedUse[];
  /** Functions and procedures; not the functions of operators, casts and defaults. */
  calls: Call[];
  ddl: Ddl[];
  /** Of this statement alone. */
  habits: Habits;
  /** What the statement sets search_path to, as set_config takes it. Null: to what it was at login. Undefined: not changed. */
  searchPath?: string | null | undefined;
  prepares?: { name: string; sql: string } | undefined;
  executes?: string | undefined;
  /** `*`: all. */
  deallocates?: string | undefined;
  /** Of DO. */
  bodies: { language: string; source: string }[];
  /** Why its needs are known in part only. */
  unknown: string[];
}

/** Nothing. */
export function emptyHabits(): Habits {
  return {
    listens: [],
    notifies: [],
    sessionAdvisoryLocks: 0,
    transactionAdvisoryLocks: 0,
    copies: [],
    temporaryTables: [],
    settings: [],
    becomes: [],
    hasSessionState: false,
  };
}

/** The habits of several statements together: each name once, counts added up. */
export function mergeHabits(all: Habits[]): Habits {
  const distinct = (key: "listens" | "notifies" | "copies" | "temporaryTables" | "becomes") => [
    ...new Set(all.flatMap((habits) => habits[key])),
  ];
  const sum = (key: "sessionAdvisoryLocks" | "transactionAdvisoryLocks") =>
    all.reduce((total, habits) => total + habits[key], 0);
  const settings = new Map<string, Habits["settings"][number]>();
  for (const setting of all.flatMap((habits) => habits.settings)) {
    const key = JSON.stringify([setting.name, setting.value, setting.isLocal]);
    settings.set(key, { ...setting, count: setting.count + (settings.get(key)?.count ?? 0) });
  }
  return {
    listens: distinct("listens"),
    notifies: distinct("notifies"),
    sessionAdvisoryLocks: sum("sessionAdvisoryLocks"),
    transactionAdvisoryLocks: sum("transactionAdvisoryLocks"),
    copies: distinct("copies"),
    temporaryTables: distinct("temporaryTables"),
    settings: [...settings.values()],
    becomes: distinct("becomes"),
    hasSessionState: all.some(({ hasSessionState }) => hasSessionState),
  };
}
