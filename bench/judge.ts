/** The highest ratio that passes: a quarter above the recorded bar. */
export const limitOf = (bar: number): number => bar * 1.25;

/** Pairs that are measured at least, and at most. */
const [least, most] = [3, 9];

/** `noisy`: the machine was too noisy to tell. */
export type Verdict = "passed" | "failed" | "noisy";

/**
 * Compares the ratios of the pairs measured so far with a recorded bar. Undefined: another pair is needed.
 *
 * Pairs that all agree decide at once, because noise would have to shift each of them. After the last one, three quarters of the
 * pairs decide.
 */
export function judge(ratios: number[], bar: number): Verdict | undefined {
  if (ratios.length < least) return undefined;
  const above = ratios.filter((ratio) => ratio > limitOf(bar)).length;
  const share = above / ratios.length;
  if (share === 0) return "passed";
  if (share === 1) return "failed";
  if (ratios.length < most) return undefined;
  if (share <= 0.25) return "passed";
  return share >= 0.75 ? "failed" : "noisy";
}
