import type { Demo } from "../demo.ts";
import * as finalTable from "./final-table.ts";
import * as firstUp from "./first-up.ts";
import * as fullServer from "./full-server.ts";
import * as legacyServices from "./legacy-services.ts";
import * as migrators from "./migrators.ts";
import * as preview from "./preview.ts";
import * as reader from "./reader.ts";
import * as refusedBudget from "./refused-budget.ts";
import * as roleLimit from "./role-limit.ts";
import * as rollback from "./rollback.ts";
import * as unconfirmed from "./unconfirmed.ts";

export interface Step {
  title: string;
  /** Throws ClaimFailed when what the step shows is not so. */
  run(demo: Demo): Promise<void>;
}

/** The demo, in order. */
export const steps: Step[] = [
  legacyServices,
  fullServer,
  preview,
  firstUp,
  reader,
  migrators,
  roleLimit,
  unconfirmed,
  rollback,
  refusedBudget,
  finalTable,
];
