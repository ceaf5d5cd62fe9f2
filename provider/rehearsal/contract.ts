import { z } from "zod";
import { rehearsedRole } from "../../model/rehearsal.ts";
import { defineContract } from "../contract.ts";

/** How a database would take an up, tried out before anything is changed. */
export const rehearsalContract = defineContract({
  token: "pgaccess:index:Rehearsal",
  description: "A rehearsal, rolled back object by object, of what an up is about to do in one database.",
  inputs: {
    database: z.string().min(1),
    schemas: z.array(z.string().min(1)),
    owner: z
      .string()
      .min(1)
      .optional()
      .describe("Role that shall own every object in the schemas; none: they stay where they are."),
    keepOwner: z
      .record(z.string(), z.string())
      .default({})
      .describe("Object, or a pattern with `*` and `?`, to the role it stays with."),
    alsoOwn: z.array(z.string()).default([]),
    roles: z.array(rehearsedRole).describe("All roles of the stack, as the up will make them."),
    files: z
      .array(z.string().min(1))
      .default([])
      .describe("SQL files that are run as the owner; paths from the project's folder."),
  },
  observed: { digests: z.record(z.string(), z.string()).describe("SQL file to its SHA-256 digest.") },
});
