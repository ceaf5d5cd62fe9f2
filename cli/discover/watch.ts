import { setTimeout as sleep } from "node:timers/promises";
import type { Server } from "../../provider/postgres/connection.ts";
import { isLostConnection } from "../postgres/lost-connection.ts";
import { SessionSampler } from "./session-sampler.ts";
import type { SessionWatch } from "./session-watch.ts";

/** Milliseconds between two looks: 5 Hz. */
const interval = 200;
/** Milliseconds between two attempts while the server does not answer. */
const retryInterval = 1000;

export interface Watching {
  /** Milliseconds; 0: one look. */
  time: number;
  /** Ends the watch early. */
  signal: AbortSignal;
  /** Called after each look, with the milliseconds that are left. */
  seen?(left: number): void;
  /** Called when the server does not answer. */
  missed?(error: Error): void;
}

/**
 * Looks at the sessions until the time is over. Looks without an answer are counted and the watch goes on, because a restart of
 * the server is when services start again.
 */
export async function watchSessions(server: Server, watch: SessionWatch, watching: Watching): Promise<void> {
  const { time, signal } = watching;
  const sampler = new SessionSampler();
  const end = Date.now() + time;
  for (;;) {
    const began = Date.now();
    let wait = interval;
    try {
      watch.add(await server.anySession((db) => sampler.look(db)));
      watching.seen?.(Math.max(0, end - Date.now()));
    } catch (error) {
      if (!isLostConnection(error) || watch.looks === 0) throw error;
      watch.missed++;
      wait = retryInterval;
      watching.missed?.(error as Error);
    }
    const left = end - Date.now();
    if (left <= 0 || signal.aborted) return;
    const rest = Math.max(0, wait - (Date.now() - began));
    await sleep(Math.min(rest, left), undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
  }
}
