import { setTimeout as sleep } from "node:timers/promises";

/** Milliseconds after which waiting is given up: long enough for a busy machine, short enough for a person. */
const patience = 20_000;

/** The first answer that is not undefined, or undefined when none came: backends and services end and start in their own time. */
export async function until<T>(answer: () => Promise<T | undefined> | T | undefined): Promise<T | undefined> {
  const end = Date.now() + patience;
  for (;;) {
    const found = await answer();
    if (found !== undefined || Date.now() > end) return found;
    await sleep(100);
  }
}
