import { setTimeout as sleep } from "node:timers/promises";

/** Waits; throws at once, in words for the person at the keyboard, when the run is cancelled meanwhile. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  refuseCancelled(signal);
  await sleep(milliseconds, undefined, { signal }).catch(() => undefined);
  refuseCancelled(signal);
}

/** Throws when the run was cancelled. */
export function refuseCancelled(signal: AbortSignal): void {
  if (signal.aborted) {
    throw new Error("cancelled: what was done so far stays done, nothing is half-done; run up again and it goes on");
  }
}
