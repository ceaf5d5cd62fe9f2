import { z } from "zod";
import { rehearsedRole } from "../../model/rehearsal.ts";
import { defineContract } from "../contract.ts";

/** A rehearsal of the up in one database, before anything is changed. */
export const rehearsalContract = defineContract({
  token: "pgaccess:index:Rehearsal",
  description: "A rehearsal of an up in one database, rolled back object by object.",
  inputs: {
    database: z.string().min(1).describe("The database in which the up is rehearsed."),
    schemas: z.array(z.string().min(1)).describe("The schemas whose objects are managed."),
    owner: z
      .string()
      .min(1)
      .optional()
      .describe("Role that becomes the owner of every object in the schemas. Omit it to keep the current owners."),
    keepOwner: z
      .record(z.string(), z.string())
      .default({})
      .describe("Object, or a pattern with `*` and `?`, to the role that stays its owner."),
    alsoOwn: z.array(z.string()).default([]).describe("Managed objects outside these schemas, as `schema.object`."),
    roles: z.array(rehearsedRole).describe("All roles of the stack, as the up will create them."),
    files: z
      .array(z.string().min(1))
      .default([])
      .describe("SQL files to run as the owner; paths are relative to the project's folder."),
  },
  observed: { digests: z.record(z.string(), z.string()).describe("SQL file to its SHA-256 digest.") },
});
