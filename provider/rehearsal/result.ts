/** The result of a rehearsal. */
export interface Rehearsed {
  /** Objects with something to rehearse. */
  objects: number;
  /** Objects whose owner was changed, and restored by the rollback. */
  moved: number;
  checks: number;
  failed: Failed[];
  /** Refused checks that most migrations do not need; the preview warns about them. Not failures. */
  warned: Failed[];
  missed: Missed[];
  /** Objects whose move would hold its locks for longer than a rehearsal is allowed to. Not failures. */
  untried: Missed[];
  /** Upper bound of the longest time that a transaction held locks, in milliseconds, including the wait for the first lock. */
  longestHold: number;
}

/** A check with an unexpected result. */
export interface Failed {
  /** The object, the schema, or the file with its line. */
  object: string;
  /** The attempted statement: `EXPLAIN SELECT as dashboard_app`. */
  check: string;
  /** SQLSTATE; undefined if Postgres allowed what it must refuse, or the statement was not sent. */
  code: string | undefined;
  message: string;
  remedy: string;
}

/** An object or file that could not be rehearsed. */
export interface Missed {
  object: string;
  reason: string;
  remedy: string;
}

export function nothingRehearsed(): Rehearsed {
  return { objects: 0, moved: 0, checks: 0, failed: [], warned: [], missed: [], untried: [], longestHold: 0 };
}

/** Whether nothing failed and nothing was missed. */
export function passed({ failed, missed }: Rehearsed): boolean {
  return failed.length === 0 && missed.length === 0;
}

type Found = Pick<Rehearsed, "failed" | "warned" | "missed" | "untried">;

/** All failures, missed and untried objects and warnings, with the remedies; empty if there are none. */
export function problems({ failed, warned, missed, untried }: Found): string {
  return [
    ...(failed.length > 0 ? ["failed"] : []),
    ...failed.map(({ object, check, code, message, remedy }) =>
      entry(`${object}: ${check}`, `${message}${code ? ` (${code})` : ""}`, remedy),
    ),
    ...(missed.length > 0 ? ["not rehearsed"] : []),
    ...missed.map(({ object, reason, remedy }) => entry(object, reason, remedy)),
    ...(untried.length > 0 ? ["not tried"] : []),
    ...untried.map(({ object, reason, remedy }) => entry(object, reason, remedy)),
    ...(warned.length > 0 ? ["warnings"] : []),
    ...warned.map(({ object, check, code, message, remedy }) =>
      entry(`${object}: ${check}`, `${message}${code ? ` (${code})` : ""}`, remedy),
    ),
  ].join("\n");
}

/** Remarks on a rehearsal that passed, one line each. */
export function remarks({ warned, untried }: Pick<Rehearsed, "warned" | "untried">): string[] {
  return [
    ...untried.map(({ object, reason, remedy }) => `${object} was not tried: ${reason}. ${remedy}`),
    ...warned.map(({ object, check, message, remedy }) => `${object}: ${check}: ${message}. ${remedy}`),
  ];
}

function entry(what: string, why: string, remedy: string): string {
  return [`  ${what}`, `    ${why}`, `    ${remedy}`].join("\n");
}
