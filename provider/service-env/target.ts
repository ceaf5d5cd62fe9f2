import type { Call } from "../rpc/provider.ts";

export type Watched = Pick<Call, "signal" | "report">;

/** The current values of a service's environment variable. */
export interface Found {
  /** The value for the next start of the service; undefined if there is none yet. */
  stored: string | undefined;
  /** The running containers and their values; empty if they are not known. */
  running: { name: string; value: string | undefined }[];
}

/** The effects of starting the service with another value. */
export interface Examination {
  /** Why a redeploy with another value is refused. */
  refusals: string[];
  /** What a redeploy would change in addition. */
  warnings: string[];
}

/** Where the environment variable of a service is kept, and how the service is restarted with it. */
export interface EnvTarget {
  /** For messages: `DATABASE_URL in web.env`. */
  readonly place: string;
  /** Files that cannot be read, each with its key. Does not look at containers and changes nothing. */
  unreadable(): Promise<string[]>;
  /** Reads the values. Changes nothing. Throws if they cannot be read. */
  find(call: Watched): Promise<Found>;
  /** Checks a redeploy. Changes nothing. */
  examine(call: Watched): Promise<Examination>;
  /** Writes the value and restarts the service; restores the previous value if that fails. Idempotent. */
  put(value: string, call: Watched): Promise<void>;
  /** The steps (latin1) of a shell script that rolls the service back without the stack. Changes nothing. */
  rollbackSteps(legacyUrl: string, call: Watched): Promise<string[]>;
  /** Masks all values that were read. */
  scrub(text: string): string;
}
