import { z } from "zod";
import { defineContract, orUnknown } from "../contract.ts";

/** Limit and settings of a login role that is none of the stack's. */
export const existingRoleContract = defineContract({
  token: "pgaccess:index:ExistingRole",
  description: "Connection limit and settings of a login role that was there before; put back when it is deleted.",
  inputs: {
    role: z.string().min(1),
    connectionLimit: z.int().positive().describe("CONNECTION LIMIT that it shall have."),
    settings: z
      .record(z.string().min(1), z.union([z.string(), z.number(), z.boolean()]))
      .default({})
      .describe("Setting to value, for its sessions in every database; all others stay as they are."),
    former: orUnknown(
      z.object({ connectionLimit: z.int(), settings: z.record(z.string(), z.array(z.string())) }).nullable(),
    ).describe("What the Baseline recorded of it; null when there was no such role."),
  },
});
