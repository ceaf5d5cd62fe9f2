import { pause } from "../../postgres/pause.ts";
import type { RoleSession } from "../../postgres/sessions.ts";
import type { Call } from "../../rpc/provider.ts";

/** The result of one look at a service. */
export interface Look {
  /** The service's sessions of the role. */
  sessions: number;
  /** What is not healthy yet, but may become healthy within the timeout. */
  pending: string[];
  /** Sessions that idle_session_timeout has ended so far. */
  idleEnds: number;
  /** Fails the gate immediately. */
  failure: Failure | undefined;
}

export interface Failure {
  reason: string;
  /** Log lines that show the reason. */
  lines: string[];
}

export interface GateTimes {
  /** Milliseconds in which the service must become healthy. */
  timeout: number;
  /** Whether the timeout is not configurable; otherwise its key is gate.timeout. Default: false. */
  isTimeoutFixed?: boolean;
  /** Milliseconds for which it must then stay healthy. */
  soak: number;
}

/** The service is not healthy as its role. */
export class Unhealthy extends Error {
  readonly failure: Failure;
  readonly sessions: number;
  constructor(failure: Failure, sessions: number) {
    super(failure.reason);
    this.failure = failure;
    this.sessions = sessions;
  }
}

/** Milliseconds between two looks. */
const interval = 1000;

/**
 * Looks at a service until it is healthy, then for the soak time, and then until it has a session. Resolves with the number of
 * sessions seen last, at least one. Throws Unhealthy at the first failure, and stops immediately when the call is cancelled.
 *
 * @param now the clock, in milliseconds
 */
export async function passGate(
  service: string,
  { timeout, soak, isTimeoutFixed = false }: GateTimes,
  look: () => Promise<Look>,
  { report, signal, now = Date.now }: Pick<Call, "report" | "signal"> & { now?: () => number },
): Promise<number> {
  const limit = `${inWords(timeout)}${isTimeoutFixed ? "" : " (gate.timeout)"}`;
  const began = now();
  let last = await refusing(look);
  while (last.pending.length > 0) {
    const left = began + timeout - now();
    if (left <= 0) throw unhealthy(last, `within ${limit}`);
    report.progress(`${service}: ${last.pending.join("; ")} (${inWords(left)} left)`);
    await pause(Math.min(interval, left), signal);
    last = await refusing(look);
  }

  const healthySince = now();
  let inUse = healthySince;
  for (;;) {
    const left = healthySince + soak - now();
    // A pool can close idle sessions and open new ones: it must have one at the end.
    if (left <= 0 && last.sessions > 0) return last.sessions;
    const status = last.sessions > 0 ? "healthy" : "waiting for the next session";
    report.progress(
      `${service}: ${sessionsInWords(last.sessions)}, ${status}; watching for another ${inWords(Math.max(0, left))}`,
    );
    await pause(left > 0 ? Math.min(interval, left) : interval, signal);
    last = await refusing(look);
    if (last.sessions > 0) inUse = now();
    if (last.pending.some((each) => each !== noSessions)) throw unhealthy(last, "after it was healthy");
    // The same time as for the first session.
    if (now() - inUse > timeout) throw unhealthy(last, `for ${limit}, after it had some`);
  }
}

/** The only pending condition that may come and go during the soak. */
export const noSessions = "it has no session of its role";

async function refusing(look: () => Promise<Look>): Promise<Look> {
  const seen = await look();
  if (seen.failure) throw new Unhealthy(seen.failure, seen.sessions);
  return seen;
}

function unhealthy({ pending, sessions, idleEnds }: Look, when: string): Unhealthy {
  const isIdledOut = idleEnds > 0 && pending.includes(noSessions);
  const were = idleEnds === 1 ? "1 session was" : `${idleEnds} sessions were`;
  const why = isIdledOut
    ? `: ${were} ended by the role's idle_session_timeout, and no new one was opened. The service's pool must replace closed sessions; until it does, raise this setting of the role`
    : "";
  return new Unhealthy({ reason: `${pending.join("; ")}, ${when}${why}`, lines: [] }, sessions);
}

/** Formats milliseconds: `45s`, `4min 10s`. */
export function inWords(milliseconds: number): string {
  const seconds = Math.ceil(milliseconds / 1000);
  if (seconds < 60) return `${seconds}s`;
  const rest = seconds % 60;
  return `${Math.floor(seconds / 60)}min${rest > 0 ? ` ${rest}s` : ""}`;
}

export function sessionsInWords(sessions: number): string {
  return sessions === 1 ? "1 session" : `${sessions} sessions`;
}

/** Milliseconds by which a look can miss the end of a session: two looks. */
const slack = 2500;

/** Counts the sessions ended by idle_session_timeout: idle for about that time when last seen, and gone now. */
export class IdleEnds {
  readonly #timeout: number;
  #last: RoleSession[] = [];
  #count = 0;

  /** @param timeout the role's idle_session_timeout in milliseconds; 0 for none */
  constructor(timeout: number) {
    this.#timeout = timeout;
  }

  get count(): number {
    return this.#count;
  }

  see(sessions: RoleSession[]): void {
    const open = new Set(sessions.map(({ id }) => id));
    this.#count += this.#last.filter((session) => !open.has(session.id) && this.#isDue(session)).length;
    this.#last = sessions;
  }

  #isDue({ idle }: RoleSession): boolean {
    return this.#timeout > 0 && idle !== undefined && idle * 1000 >= this.#timeout - slack;
  }
}
