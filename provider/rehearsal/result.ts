/** What came of a rehearsal. */
export interface Rehearsed {
  /** Objects with something to rehearse. */
  objects: number;
  /** Objects that were given their new owner, and had it taken back. */
  moved: number;
  checks: number;
  failed: Failed[];
  /** Checks that Postgres refuses, as the preview warns: most migrations do without. They are no failure. */
  warned: Failed[];
  missed: Missed[];
  /** Objects whose move would hold its locks for longer than a rehearsal may. They are no failure. */
  untried: Missed[];
  /** The longest time that one transaction may have held its locks, in whole milliseconds; waiting for the first counts in. */
  longestHold: number;
}

/** A check that did not go as it must. */
export interface Failed {
  /** The object, the schema, or the file with its line. */
  object: string;
  /** What was tried: `EXPLAIN SELECT as dashboard_app`. */
  check: string;
  /** SQLSTATE; undefined when Postgres allowed what it must refuse, or was never asked. */
  code: string | undefined;
  message: string;
  remedy: string;
}

/** Something that could not be rehearsed at all. */
export interface Missed {
  object: string;
  reason: string;
  remedy: string;
}

export function nothingRehearsed(): Rehearsed {
  return { objects: 0, moved: 0, checks: 0, failed: [], warned: [], missed: [], untried: [], longestHold: 0 };
}

/** Whether nothing failed, and nothing was missed that another time could be rehearsed. */
export function passed({ failed, missed }: Rehearsed): boolean {
  return failed.length === 0 && missed.length === 0;
}
