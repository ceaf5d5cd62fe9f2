import { z } from "zod";
import { declaredAccess } from "../../model/declared-access.ts";
import { grants } from "../../model/grants.ts";
import { accessLevels } from "../../model/stack.ts";
import { heldPrivilege } from "../baseline/contract.ts";
import { defineContract, orUnknown } from "../contract.ts";

/** What a role may do in one database, now and with objects made later. */
export const privilegesContract = defineContract({
  token: "pgaccess:index:Privileges",
  description: "Privileges and default privileges of one role in one database, by access level.",
  inputs: {
    role: z.string().min(1),
    database: z.string().min(1),
    access: z.enum(accessLevels).optional().describe("None: explicit grants alone."),
    schemas: z.array(z.string().min(1)),
    grants: grants.optional().describe("Privileges by name, beyond the access level and the schemas."),
    exclusive: z.boolean().optional().describe("Takes back what was granted by hand, in every schema of the database."),
    creators: z
      .array(z.string().min(1))
      .default([])
      .describe(
        "Roles whose future objects get default privileges; those that own objects now are added from the catalog.",
      ),
    before: orUnknown(z.array(heldPrivilege))
      .default([])
      .describe(
        "What the role held before this stack came (see heldBefore): it is never revoked. None for a role the stack made.",
      ),
    legacyUsers: z.array(z.string()).optional().describe("Users that services still log in as."),
    logins: z.array(z.string()).optional().describe("The login roles that SET ROLE to it. Default: it logs in itself."),
    declared: declaredAccess
      .optional()
      .describe("What the stack declares in the database. Default: this role alone gets something by this up."),
  },
});
