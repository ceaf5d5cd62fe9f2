import type { Runtime } from "./runtime.ts";

/** The connection pool of one service. */
export interface Pool {
  /** The most connections that one replica's pool opens. Default 4. */
  max: number;
  /** Replicas that run at the same time. Default 1. */
  replicas: number;
  /** Replicas that a deploy starts before the previous ones stop. Default 0; with the runtime `swarm` 1. */
  surge: number;
}

export const defaultPool: Pool = { max: 4, replicas: 1, surge: 0 };

/** A pool as declared, and the runtime that decides its defaults. */
export interface DeclaredPool {
  runtime?: Runtime | undefined;
  pool?: { [K in keyof Pool]?: Pool[K] | undefined } | undefined;
}

/** The pool with its defaults. A swarm starts a new replica before it stops a previous one, so its surge is 1. */
export function completePool({ runtime, pool = {} }: DeclaredPool): Pool {
  const { max = defaultPool.max, replicas = defaultPool.replicas, surge = runtime === "swarm" ? 1 : 0 } = pool;
  return { max, replicas, surge };
}

/** A service's demand on its role. */
export interface PoolUser {
  service: string;
  pool: Pool;
  /** Whether it runs migrations; `unconfirmed` counts as not. */
  migrates: boolean | "unconfirmed";
}

/** The most sessions that one service opens: max x (replicas + surge), plus one if it migrates. */
function mostSessions({ pool, migrates }: PoolUser): number {
  return pool.max * (pool.replicas + pool.surge) + (migrates === true ? 1 : 0);
}

/** Why all services of a role together can exceed its connection limit, with the sum; undefined if the pools fit. */
export function poolProblem(role: string, limit: number, users: PoolUser[]): string | undefined {
  const total = users.reduce((sum, user) => sum + mostSessions(user), 0);
  if (total <= limit) return undefined;
  const sum = users.map((user) => `${user.service} ${poolText(user)}`).join(" + ");
  return `the pools of ${role}'s services can open ${total} sessions (${sum}), ${total - limit} more than its connection limit ${limit}; lower a pool's max, or raise the limit if the budget has room`;
}

function poolText({ pool, migrates }: PoolUser): string {
  const replicas = pool.surge > 0 ? `(${pool.replicas} + ${pool.surge} surge)` : `${pool.replicas}`;
  return `${pool.max} x ${replicas}${migrates === true ? " + 1 migration" : ""}`;
}
