import { readFileSync } from "node:fs";

/** A recorded ratio of a small bench. */
export interface Bar {
  what: string;
  /** With Pulumi's own plugins. */
  official: number;
  /** With the sandbox's stand-ins. */
  standin: number;
}

/** What `npm run bench:check` compares, by name. */
export const bars = JSON.parse(readFileSync(new URL("bars.json", import.meta.url), "utf8")) as Record<string, Bar>;
