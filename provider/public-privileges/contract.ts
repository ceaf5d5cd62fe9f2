import { z } from "zod";
import { publicPrivileges } from "../../model/stack.ts";
import { defineContract, orText, orUnknown } from "../contract.ts";

/** It must depend on the AppRoles, whose roles need their own privileges first. */
export const publicPrivilegesContract = defineContract({
  token: "pgaccess:index:PublicPrivileges",
  description: "Revokes privileges on a database from PUBLIC, and restores the baseline when it is deleted.",
  inputs: {
    database: z.string().min(1).describe("Name of the database."),
    revoke: z.array(z.enum(publicPrivileges)).describe("Privileges to revoke from PUBLIC: CONNECT, TEMPORARY."),
    roles: z.array(z.string()).describe("Roles of the stack, which keep their declared privileges."),
    former: orUnknown(orText(z.object({ acls: z.record(z.string(), z.array(z.string())) }))).describe(
      "Access control lists in the baseline, by object.",
    ),
  },
});
