import { type EnvSource, toTarget } from "./declared.ts";
import type { Watched } from "./target.ts";

/** What keeps a service's URL from being read, or written, where compose or the user's command keeps it. */
export interface TargetProblem {
  service: string;
  /** Without secrets; names the key of the configuration or the file. */
  reason: string;
}

/**
 * Looks at where each service keeps its URL, and says all that is wrong at once. Changes nothing.
 *
 * @param depth `examined`: also what a redeploy with another URL is refused for; default: only what cannot be read
 * @example await targetProblems([{ service: "api", urlKey: "DATABASE_URL", command: { path: "./env.sh", args: [] } }], call)
 */
export async function targetProblems(
  declared: EnvSource[],
  call: Watched,
  depth?: "examined",
): Promise<TargetProblem[]> {
  const found = await Promise.all(
    declared.map(async (one) => {
      const reasons = await reasonsOf(one, call, depth);
      return reasons.map((reason) => ({ service: one.service, reason }));
    }),
  );
  return found.flat();
}

async function reasonsOf(declared: EnvSource, call: Watched, depth: "examined" | undefined): Promise<string[]> {
  const target = toTarget(declared);
  if (!target) return [];
  try {
    await target.find(call);
    return depth === undefined ? [] : (await target.examine(call)).refusals;
  } catch (error) {
    return [target.scrub((error as Error).message)];
  }
}
