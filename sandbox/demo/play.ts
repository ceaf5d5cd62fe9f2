import type { Postgres } from "../postgres/server.ts";
import type { Sandbox } from "../project/sandbox.ts";

/** A demo that is ready to begin. */
export interface Play {
  postgres: Postgres;
  sandbox: Sandbox;
  /** In order; each throws ClaimFailed when what it shows is not so. */
  steps: { title: string; run(): Promise<void> }[];
  /** Ends and removes everything. */
  close(): Promise<void>;
}
