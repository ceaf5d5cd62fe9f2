import { z } from "zod";
import { grants } from "../../model/grants.ts";
import { accessLevels } from "../../model/stack.ts";
import { heldPrivilege } from "../baseline/contract.ts";
import { defineContract, orUnknown } from "../contract.ts";

/** A service that connects as a role of the stack. */
export const guardedService = z.strictObject({
  name: z.string().describe("Name of the service."),
  role: z.string().describe("Role that it connects as."),
  deployed: z.boolean().describe("Whether the stack deploys the service: any runtime but `external`."),
});

/** Privileges of one role in one database, with the inputs of its `Privileges`. */
export const guardedPrivileges = z.strictObject({
  role: z.string().min(1).describe("Name of the role."),
  database: z.string().min(1).describe("Name of the database."),
  access: z.enum(accessLevels).optional().describe("Access level. Default: explicit grants only."),
  schemas: z.array(z.string().min(1)).describe("Schemas that the access level covers."),
  grants: grants.optional().describe("Explicit grants. Default: none."),
  before: orUnknown(z.array(heldPrivilege))
    .default([])
    .describe("Privileges of an adopted role in the baseline. Default: none."),
});

/** It must depend on all other resources, so that the engine deletes it first and updates it last. */
export const destroyGuardContract = defineContract({
  token: "pgaccess:index:DestroyGuard",
  description:
    "Refuses a destroy of the stack, and the removal of a role from it, while the role has sessions or a deployed service.",
  inputs: {
    roles: z.array(z.string().min(1)).describe("Roles that a destroy drops or restores."),
    services: z
      .array(guardedService)
      .default([])
      .describe("Services that connect as one of the roles since the last up. Default: none."),
    privileges: z
      .array(guardedPrivileges)
      .default([])
      .describe(
        "Privileges of the roles, by role and database: they cannot be revoked while they are granted onward. Default: none.",
      ),
  },
});
