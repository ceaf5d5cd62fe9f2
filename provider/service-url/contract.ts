import { z } from "zod";
import { connectAs } from "../../model/stack.ts";
import { defineContract, orUnknown } from "../contract.ts";

/** The DATABASE_URL in force for a service. */
export const serviceUrlContract = defineContract({
  token: "pgaccess:index:ServiceUrl",
  description: "The DATABASE_URL in force for a service; a role's is passed on only after a login as it succeeded.",
  inputs: {
    service: z.string(),
    database: z.string(),
    connectAs: z.enum(connectAs).describe("Whose login the service uses: the cutover switch, and the way back."),
    role: z.string(),
    login: orUnknown(z.string())
      .optional()
      .describe("The login role that SETs ROLE to it. Default: the role logs in itself."),
    password: orUnknown(z.string()).optional().describe("The role's password; absent for `legacy`."),
    url: orUnknown(z.string()).describe("The DATABASE_URL to pass on."),
    isDeployed: z
      .boolean()
      .optional()
      .describe("Whether the stack itself restarts the service with it. Default: somebody else does."),
  },
  secrets: ["url", "password"],
});
