import { z } from "zod";
import { connectAs } from "../../../model/stack.ts";
import { defineContract } from "../../contract.ts";
import { envSource } from "../../service-env/contract.ts";

/** Refuses an up that cuts over more than `max` services. */
export const cutoversContract = defineContract({
  token: "pgaccess:index:Cutovers",
  description: "Refuses to cut over more services in one up than declared.",
  inputs: {
    services: z
      .array(z.strictObject({ service: z.string(), connectAs: z.enum(connectAs) }))
      .describe("Every service of the stack, in cutover order."),
    max: z.int().positive().describe("How many services one up may cut over."),
    places: z
      .array(z.strictObject(envSource))
      .optional()
      .describe("Where services run by compose or a command keep their URL."),
    refused: z
      .array(z.strictObject({ by: z.enum(["preview", "policies"]), reason: z.string() }))
      .optional()
      .describe("Reasons to refuse the declaration itself: in a preview, or by the policies after a preview."),
  },
});
