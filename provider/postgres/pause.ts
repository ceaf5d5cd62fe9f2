import { setTimeout as sleep } from "node:timers/promises";

/** Waits; throws an error for the user as soon as the run is cancelled. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  refuseCancelled(signal);
  await sleep(milliseconds, undefined, { signal }).catch(() => undefined);
  refuseCancelled(signal);
}

/** Throws when the run was cancelled. */
export function refuseCancelled(signal: AbortSignal): void {
  if (signal.aborted) {
    throw new Error("cancelled: completed changes remain and nothing is half-done; run up again to continue");
  }
}
