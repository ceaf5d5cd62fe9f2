import { setTimeout as sleep } from "node:timers/promises";
import type { Server } from "../../provider/postgres/connection.ts";
import { isLostConnection, readError } from "../postgres/lost-connection.ts";
import { type Observations, observe } from "./observation.ts";

/** Milliseconds between two looks. */
const interval = 1000;

export interface Watching {
  /** Milliseconds; 0: one look; Infinity: until the signal. */
  time: number;
  /** Ends the watch early. */
  signal: AbortSignal;
  /** Called after each look. */
  seen?(observations: Observations, left: number): void;
  /** Called when a look fails because the server does not answer. */
  missed?(error: Error): void;
}

/**
 * Observes the sessions every second. The server must answer the first look; later looks that fail are counted, and the watch
 * goes on, because a restart is when sessions come and go.
 */
export async function watch(server: Server, observations: Observations, watching: Watching): Promise<void> {
  const { time, signal } = watching;
  const end = Date.now() + time;
  for (;;) {
    try {
      observations.add(await server.anySession(observe));
    } catch (error) {
      if (observations.all.length === 0 || !isLostConnection(error)) {
        throw readError("reading the sessions", server.address, error);
      }
      observations.missed++;
      watching.missed?.(error as Error);
    }
    const left = end - Date.now();
    if (observations.all.length > 0) watching.seen?.(observations, left);
    if (left <= 0 || signal.aborted) return;
    await sleep(Math.min(interval, left), undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
  }
}
