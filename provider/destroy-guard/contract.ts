import { z } from "zod";
import { grants } from "../../model/grants.ts";
import { accessLevels } from "../../model/stack.ts";
import { heldPrivilege } from "../baseline/contract.ts";
import { defineContract, orUnknown } from "../contract.ts";

/** A service that connects as a role of the stack. */
export const guardedService = z.strictObject({
  name: z.string(),
  role: z.string(),
  deployed: z.boolean().describe("Whether the stack itself hands the service its URL: any runtime but `external`."),
});

/** What one role was given in one database, as its `Privileges` have it. */
export const guardedPrivileges = z.strictObject({
  role: z.string().min(1),
  database: z.string().min(1),
  access: z.enum(accessLevels).optional(),
  schemas: z.array(z.string().min(1)),
  grants: grants.optional(),
  before: orUnknown(z.array(heldPrivilege)).default([]).describe("What an adopted role held before."),
});

/**
 * Keeps the stack from being destroyed, and a role from being taken out of it, while the role has sessions or a deployed
 * service: it must depend on everything else, so that it goes first and changes last.
 */
export const destroyGuardContract = defineContract({
  token: "pgaccess:index:DestroyGuard",
  description: "Refuses to be deleted, and so the stack to be destroyed, while one of its roles is in use.",
  inputs: {
    roles: z.array(z.string().min(1)).describe("The roles that go, or go back, when the stack is destroyed."),
    services: z.array(guardedService).default([]).describe("The services that connect as one of them, by the last up."),
    privileges: z
      .array(guardedPrivileges)
      .default([])
      .describe(
        "What the roles were given, by role and database: it cannot be taken back while others hold it from them.",
      ),
  },
});
