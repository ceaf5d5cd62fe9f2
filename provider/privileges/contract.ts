import { z } from "zod";
import { declaredAccess } from "../../model/declared-access.ts";
import { grants } from "../../model/grants.ts";
import { accessLevels } from "../../model/stack.ts";
import { heldPrivilege } from "../baseline/contract.ts";
import { defineContract, orUnknown } from "../contract.ts";

export const privilegesContract = defineContract({
  token: "pgaccess:index:Privileges",
  description: "Privileges and default privileges of one role in one database, by access level.",
  inputs: {
    role: z.string().min(1).describe("Name of the role."),
    database: z.string().min(1).describe("Name of the database."),
    access: z
      .enum(accessLevels)
      .optional()
      .describe("Access level: owner, writer or reader. Omit it to give the role only explicit grants."),
    schemas: z.array(z.string().min(1)).describe("Schemas that the access level covers."),
    grants: grants.optional().describe("Explicit grants, in addition to the access level. Default: none."),
    exclusive: z
      .boolean()
      .optional()
      .describe(
        "Whether to revoke privileges that were granted by hand, in every schema of the database. Default: false.",
      ),
    creators: z
      .array(z.string().min(1))
      .default([])
      .describe(
        "Roles whose future objects get default privileges, in addition to the current owners of objects. Default: none.",
      ),
    before: orUnknown(z.array(heldPrivilege))
      .default([])
      .describe(
        "Privileges of the role in the baseline, which are never revoked. Default: none, as for a role that the stack creates.",
      ),
    legacyUsers: z.array(z.string()).optional().describe("Legacy users that services log in as. Default: none."),
    logins: z.array(z.string()).optional().describe("Login roles that SET ROLE to the role. Default: the role itself."),
    declared: declaredAccess
      .optional()
      .describe("Access that the stack declares in the database. Default: that of this role only."),
  },
});
