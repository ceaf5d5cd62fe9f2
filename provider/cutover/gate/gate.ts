import { pause } from "../../postgres/pause.ts";
import type { RoleSession } from "../../postgres/sessions.ts";
import type { Call } from "../../rpc/provider.ts";

/** What one look at a service found. */
export interface Look {
  /** Sessions of the role that are this service's. */
  sessions: number;
  /** What is not well yet, and may still become so within the timeout. */
  pending: string[];
  /** Sessions that idle_session_timeout has ended so far. */
  idleEnds: number;
  /** What fails the gate at once. */
  failure: Failure | undefined;
}

export interface Failure {
  reason: string;
  /** The log that tells why. */
  lines: string[];
}

export interface GateTimes {
  /** Milliseconds in which all must become well. */
  timeout: number;
  /** Whether no key of the configuration sets the timeout; else it is gate.timeout. Default: false. */
  isTimeoutFixed?: boolean;
  /** Milliseconds that it must stay so after that. */
  soak: number;
}

/** A service that is not well as its role. */
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
 * Looks at a service until it is well, then for as long as the soak takes, and then until it has a session; resolves to the
 * sessions seen last, at least one. Throws Unhealthy at the first failure, and at once when the run is cancelled. `now` is the
 * clock that the times are measured by, in milliseconds.
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
    if (left <= 0) throw notWell(last, `in ${limit}`);
    report.progress(`${service}: ${last.pending.join("; ")} (${inWords(left)} left)`);
    await pause(Math.min(interval, left), signal);
    last = await refusing(look);
  }

  const well = now();
  let inUse = well;
  for (;;) {
    const left = well + soak - now();
    // A pool may close what is idle, and open another: what counts is that it has one at the end.
    if (left <= 0 && last.sessions > 0) return last.sessions;
    const isUsed = last.sessions > 0 ? "all well" : "it waits for the next";
    report.progress(
      `${service}: ${sessionsInWords(last.sessions)}, ${isUsed}; watched for another ${inWords(Math.max(0, left))}`,
    );
    await pause(left > 0 ? Math.min(interval, left) : interval, signal);
    last = await refusing(look);
    if (last.sessions > 0) inUse = now();
    if (last.pending.some((each) => each !== noSessions)) throw notWell(last, "after it had been well");
    // For as long as it had to open the first.
    if (now() - inUse > timeout) throw notWell(last, `for ${limit}, after it had some`);
  }
}

/** The one thing pending that may come and go while the service is watched. */
export const noSessions = "no session of its role comes from it";

async function refusing(look: () => Promise<Look>): Promise<Look> {
  const seen = await look();
  if (seen.failure) throw new Unhealthy(seen.failure, seen.sessions);
  return seen;
}

function notWell({ pending, sessions, idleEnds }: Look, when: string): Unhealthy {
  const isIdledOut = idleEnds > 0 && pending.includes(noSessions);
  const were = idleEnds === 1 ? "1 session was" : `${idleEnds} sessions were`;
  const why = isIdledOut
    ? `: ${were} ended by the role's idle_session_timeout and did not come back. Its pool must open a new session when it finds one gone; until it does, raise that setting of the role`
    : "";
  return new Unhealthy({ reason: `${pending.join("; ")}, ${when}${why}`, lines: [] }, sessions);
}

/** Milliseconds as a person writes them: `45s`, `4min 10s`. */
export function inWords(milliseconds: number): string {
  const seconds = Math.ceil(milliseconds / 1000);
  if (seconds < 60) return `${seconds}s`;
  const rest = seconds % 60;
  return `${Math.floor(seconds / 60)}min${rest > 0 ? ` ${rest}s` : ""}`;
}

export function sessionsInWords(sessions: number): string {
  return sessions === 1 ? "1 session" : `${sessions} sessions`;
}

/** Milliseconds by which a look may miss the end of a session: two looks. */
const slack = 2500;

/** Counts the sessions that idle_session_timeout ended: idle for about that long when they were seen last, and gone now. */
export class IdleEnds {
  readonly #timeout: number;
  #last: RoleSession[] = [];
  #count = 0;

  /** @param timeout the role's idle_session_timeout in milliseconds; 0: none */
  constructor(timeout: number) {
    this.#timeout = timeout;
  }

  get count(): number {
    return this.#count;
  }

  see(sessions: RoleSession[]): void {
    const there = new Set(sessions.map(({ id }) => id));
    this.#count += this.#last.filter((session) => !there.has(session.id) && this.#isDue(session)).length;
    this.#last = sessions;
  }

  #isDue({ idle }: RoleSession): boolean {
    return this.#timeout > 0 && idle !== undefined && idle * 1000 >= this.#timeout - slack;
  }
}
