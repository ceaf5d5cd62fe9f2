import { z } from "zod";
import { publicPrivileges } from "../../model/stack.ts";
import { defineContract, orUnknown } from "../contract.ts";

/**
 * Takes from PUBLIC what every role of the server may do with a database, after granting it to every other login role that has
 * it from PUBLIC alone. It must depend on the AppRoles, whose own privileges are there before.
 */
export const publicPrivilegesContract = defineContract({
  token: "pgaccess:index:PublicPrivileges",
  description: "Privileges of PUBLIC on a database that are taken away on request; put back when it is deleted.",
  inputs: {
    database: z.string().min(1),
    revoke: z.array(z.enum(publicPrivileges)).describe("What PUBLIC shall not hold on the database."),
    roles: z.array(z.string()).describe("The stack's own roles: they keep what they are declared to have."),
    former: orUnknown(z.object({ acls: z.record(z.string(), z.array(z.string())) })).describe(
      "What the Baseline recorded.",
    ),
  },
});
