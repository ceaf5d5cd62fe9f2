import { defaultCeiling } from "../../model/budget.ts";
import type { Pool } from "../../model/pool.ts";
import type { Migrates } from "../../model/stack.ts";
import type { Slots } from "../../provider/budget/live-budget.ts";
import { usableSlots } from "../../provider/budget/live-budget.ts";

/** The pool of a service as it was seen. */
export interface SeenPool {
  service: string;
  /** The most sessions of one replica, and the most of them that were not idle. */
  sessions: number;
  busy: number;
  replicas: number;
  migrates: Migrates;
}

/**
 * How the pools fit: with one replica more during a deploy; as they were seen; with fewer idle sessions; with fewer sessions than
 * were busy at once.
 */
export type Fit = "with surge" | "as seen" | "fewer idle" | "fewer than busy";

export interface PoolPlan {
  pools: Map<string, Pool>;
  /** Sessions that each service may open, with the one of its migrations. */
  demands: Map<string, number>;
  fit: Fit;
  ceiling: number;
  /** Limits of existing roles and demands of the services. */
  total: number;
}

/** Slots that are kept for admins, besides the reserved ones: of 100 connections 95 remain, as in the runbook. */
const forAdmins = 2;

/** The highest ceiling of the server. */
function highestCeiling(slots: Slots): number {
  return Math.max(1, usableSlots(slots) - forAdmins);
}

/**
 * Pools whose sum with the limits of existing roles stays under the ceiling. Undefined: one session for each replica is already too
 * many. The ceiling is the policy pack's default if everything fits under it, else the highest of the server.
 */
export function planPools(seen: SeenPool[], existing: number, slots: Slots): PoolPlan | undefined {
  const highest = highestCeiling(slots);
  const ceilings = highest > defaultCeiling ? [defaultCeiling, highest] : [highest];
  const plan = (fit: Fit, ceiling: number, most: (pool: SeenPool) => number): PoolPlan | undefined => {
    const surge = fit === "with surge" ? 1 : 0;
    const pools = new Map(seen.map((each) => [each.service, { max: most(each), replicas: each.replicas, surge }]));
    const demands = new Map(seen.map((each) => [each.service, demandOf(each, pools.get(each.service) as Pool)]));
    const total = existing + [...demands.values()].reduce((sum, demand) => sum + demand, 0);
    return total <= ceiling ? { pools, demands, fit, ceiling, total } : undefined;
  };
  for (const fit of ["with surge", "as seen"] as const) {
    for (const ceiling of ceilings) {
      const found = plan(fit, ceiling, ({ sessions }) => Math.max(1, sessions));
      if (found) return found;
    }
  }
  return (
    lowered("fewer idle", ({ busy, sessions }) => Math.min(sessions, busy + 1)) ?? lowered("fewer than busy", () => 1)
  );

  /** All pools at the same share of what was seen, the highest share that fits. */
  function lowered(fit: Fit, least: (pool: SeenPool) => number): PoolPlan | undefined {
    for (let share = 99; share >= 0; share--) {
      const most = (each: SeenPool) => Math.max(1, least(each), Math.floor((each.sessions * share) / 100));
      const found = plan(fit, highest, most);
      if (found) return found;
    }
    return undefined;
  }
}

/** With one session for migrations, also while it is not confirmed whether the service runs them. */
function demandOf({ migrates }: SeenPool, { max, replicas, surge }: Pool): number {
  return max * (replicas + surge) + (migrates === false ? 0 : 1);
}
