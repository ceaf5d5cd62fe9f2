import { z } from "zod";
import { connectAs } from "../../model/stack.ts";
import { defineContract, orUnknown } from "../contract.ts";
import { envSource } from "../service-env/contract.ts";

/** The DATABASE_URL that a service had before the stack. */
export const legacyUrlContract = defineContract({
  token: "pgaccess:index:LegacyUrl",
  description: "The DATABASE_URL that a service had before the stack: given, found where the service has it, or made.",
  inputs: {
    ...envSource,
    container: z
      .string()
      .min(1)
      .optional()
      .describe(
        "The container that the stack runs the service in: one of that name which was there before has the URL in its environment.",
      ),
    database: z.string(),
    connectAs: z.enum(connectAs),
    given: orUnknown(z.string()).optional().describe("The one of the configuration: goes before any that is found."),
    made: orUnknown(z.string()).describe("Where none is given and none is found."),
    roles: z.array(z.string()).describe("The stack's own roles: a URL with one of them is not the legacy one."),
    legacyUsers: z.array(z.string()).describe("Users whose later objects the stack's roles may use."),
    migrationComplete: z
      .boolean()
      .optional()
      .describe("Nothing goes back any more: the URL is kept without its login, since the role's is made of the rest."),
  },
  decided: {
    url: z.string().describe("The URL, byte for byte; secret."),
    hasLogin: z.boolean().describe("Whether it still has its user and password."),
    isMade: z.boolean().describe("Whether it was made from the admin's login, since none was given or found."),
  },
  secrets: ["url", "given", "made"],
});
