import { z } from "zod";
import { defineContract, orUnknown } from "../contract.ts";

export const existingRoleContract = defineContract({
  token: "pgaccess:index:ExistingRole",
  description: "Connection limit and settings of an existing login role. Restores the baseline when it is deleted.",
  inputs: {
    role: z.string().min(1).describe("Name of the role."),
    connectionLimit: z.int().positive().describe("CONNECTION LIMIT of the role: maximum number of sessions."),
    settings: z
      .record(z.string().min(1), z.union([z.string(), z.number(), z.boolean()]))
      .default({})
      .describe(
        "Setting to value, for the role's sessions in all databases. Other settings are left alone. Default: none.",
      ),
    former: orUnknown(
      z.object({ connectionLimit: z.int(), settings: z.record(z.string(), z.array(z.string())) }).nullable(),
    ).describe(
      "Baseline of the role: CONNECTION LIMIT (-1: unlimited) and settings; null when the role did not exist.",
    ),
  },
});
