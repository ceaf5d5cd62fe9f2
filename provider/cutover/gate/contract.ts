import { z } from "zod";
import { gate } from "../../../model/runtime.ts";
import { connectAs } from "../../../model/stack.ts";
import { defineContract, orUnknown } from "../../contract.ts";

/** Watches a service after each redeploy on its role; its outputs are the values in force after it passed. */
export const cutoverGateContract = defineContract({
  token: "pgaccess:index:CutoverGate",
  description: "Watches a service that was redeployed on its role; fails the up if the service is not healthy.",
  inputs: {
    service: z.string().describe("The service, as the stack names it."),
    database: z.string().describe("The database whose sessions count."),
    role: z.string().describe("The role that the service was cut over to."),
    login: orUnknown(z.string())
      .optional()
      .describe("The login role whose sessions count. Default: the role logs in itself."),
    connectAs: z.enum(connectAs).describe("`legacy`: nothing is watched."),
    migrates: z
      .boolean()
      .describe("Whether the service runs migrations at start; a failed one in its log then fails the gate."),
    url: orUnknown(z.string()).describe(
      "The DATABASE_URL that the service runs with, handed out once the gate is passed.",
    ),
    deployment: orUnknown(z.string()).describe("Another value after each redeploy."),
    labels: orUnknown(z.record(z.string(), orUnknown(z.string())))
      .optional()
      .describe(
        "Labels that all containers of the service have. Default: no container is known, only sessions are watched.",
      ),
    deployedAt: orUnknown(z.number())
      .nullish()
      .describe("When it was redeployed, in milliseconds since 1970; only where no container is known."),
    dockerHost: z.string().optional().describe("As `docker:host`. Default: DOCKER_HOST, else this machine's socket."),
    gate: gate.describe("How long the service is watched, and for what."),
  },
  secrets: ["url"],
});
