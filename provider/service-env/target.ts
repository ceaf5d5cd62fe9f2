import type { Call } from "../rpc/provider.ts";

export type Watched = Pick<Call, "signal" | "report">;

/** What is found where a service's environment variable is kept. */
export interface Found {
  /** The value that the service is started with next; undefined: none yet. */
  stored: string | undefined;
  /** The containers that run now, and the value they were started with; none where nobody can tell. */
  running: { name: string; value: string | undefined }[];
}

/** What speaks for and against starting the service with another value. */
export interface Examination {
  /** Why a redeploy would do something else than give the service another value. */
  refusals: string[];
  /** What a redeploy would change on top. */
  warnings: string[];
}

/** Where the environment variable of one service is kept, and how the service is started with it. */
export interface EnvTarget {
  /** For messages: `DATABASE_URL in web.env`. */
  readonly place: string;
  /** Files that cannot be read, each with its key; without a look at what runs. Changes nothing. */
  unreadable(): Promise<string[]>;
  /** Changes nothing. Throws when it cannot be read at all. */
  find(call: Watched): Promise<Found>;
  /** Looks closer, before a redeploy. Changes nothing. */
  examine(call: Watched): Promise<Examination>;
  /** Writes the value and starts the service with it; what was there comes back when that fails. Idempotent. */
  put(value: string, call: Watched): Promise<void>;
  /** The steps of a shell script that puts a value back without the stack. Changes nothing. Texts are latin1. */
  rollbackSteps(legacyUrl: string, call: Watched): Promise<string[]>;
  /** Blots out every value that was seen. */
  scrub(text: string): string;
}
