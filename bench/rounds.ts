/** A case in a comparison: what it costs, in any unit. */
export type Measure = () => Promise<number>;

/** Two cases whose costs are compared. */
export interface Comparison<Name extends string> {
  subject: Name;
  reference: Name;
}

/**
 * Measures all cases in turn, so that a change of the machine's load affects each of them, until `isEnough` says so of the ratios of
 * every comparison so far. Resolves with the costs of each case.
 */
export async function inTurn<Name extends string>(
  cases: Record<Name, Measure>,
  isEnough: (costs: Record<Name, number[]>) => boolean,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(cases) as Name[];
  const costs = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, number[]>;
  do {
    for (const name of names) costs[name].push(await cases[name]());
  } while (!isEnough(costs));
  return costs;
}

/** The ratio of each pair. */
export function ratiosOf<Name extends string>(
  costs: Record<Name, number[]>,
  { subject, reference }: Comparison<Name>,
): number[] {
  return costs[subject].map((cost, round) => cost / (costs[reference][round] as number));
}
