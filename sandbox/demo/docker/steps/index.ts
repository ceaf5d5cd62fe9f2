import type { DockerDemo } from "../docker-demo.ts";
import * as cutovers from "./cutovers.ts";
import * as finalTable from "./final-table.ts";
import * as missingGrant from "./missing-grant.ts";
import * as sixContainers from "./six-containers.ts";
import * as theLast from "./the-last.ts";

/** The demo with containers, in order. */
export const steps: { title: string; run(demo: DockerDemo): Promise<void> }[] = [
  sixContainers,
  cutovers,
  missingGrant,
  theLast,
  finalTable,
];
