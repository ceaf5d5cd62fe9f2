import type { Parameters as Bounds } from "fast-check";

/**
 * How many random cases a fault test tries, and where its random numbers begin. CI tries `count` of one fixed seed, so that
 * what passes once passes again; `npm run test:soak` tries twenty times as many, of a new seed each time.
 * `FAULT_SEED=N` repeats a run, `FAULT_CASES=N` sets the number.
 */
export function bounds(count: number): Bounds<unknown> & { seed: number; numRuns: number } {
  const { FAULT_SEED, FAULT_CASES } = process.env;
  const isSoak = process.env.FAULT_SOAK === "true";
  const seed = FAULT_SEED === undefined ? (isSoak ? Date.now() & 0x7fffffff : 20_261_124) : Number(FAULT_SEED);
  const numRuns = FAULT_CASES === undefined ? count * (isSoak ? 20 : 1) : Number(FAULT_CASES);
  return { seed, numRuns, endOnFailure: false };
}
