import { z } from "zod";
import { connectAs } from "../../../model/stack.ts";
import { defineContract } from "../../contract.ts";
import { envSource } from "../../service-env/contract.ts";

/** Keeps one up from cutting over more than `max` services; each service takes it in `after`. */
export const cutoversContract = defineContract({
  token: "pgaccess:index:Cutovers",
  description: "Refuses to take more services at once from their legacy login to their role than is declared.",
  inputs: {
    services: z
      .array(z.strictObject({ service: z.string(), connectAs: z.enum(connectAs) }))
      .describe("Every service of the stack, in cutover order."),
    max: z.int().positive().describe("How many of them one up may take from legacy to their role."),
    places: z
      .array(z.strictObject(envSource))
      .optional()
      .describe("Where the services that compose or a command runs keep their URL."),
    refused: z
      .array(z.strictObject({ by: z.enum(["preview", "policies"]), reason: z.string() }))
      .optional()
      .describe(
        "What the declaration alone is refused for: in a preview, or by the policies once one has gone through.",
      ),
  },
});
