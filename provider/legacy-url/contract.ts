import { z } from "zod";
import { connectAs } from "../../model/stack.ts";
import { defineContract, orUnknown } from "../contract.ts";
import { envSource } from "../service-env/contract.ts";

export const legacyUrlContract = defineContract({
  token: "pgaccess:index:LegacyUrl",
  description:
    "The legacy URL of a service: from the configuration, found in the service, or created from the admin's login.",
  inputs: {
    ...envSource,
    container: z
      .string()
      .min(1)
      .optional()
      .describe(
        "Name of the container of the service: a previous container of that name has the legacy URL in its environment. Default: none.",
      ),
    database: z.string().describe("Name of the database."),
    connectAs: z.enum(connectAs).describe("Whether the service connects with its legacy URL or as its role."),
    given: orUnknown(z.string())
      .optional()
      .describe("Legacy URL in the configuration, which takes precedence over one that is found. Default: none."),
    made: orUnknown(z.string()).describe("URL with the admin's login, used when none is configured or found."),
    roles: z.array(z.string()).describe("Roles of the stack: a URL with one of them is not a legacy URL."),
    legacyUsers: z.array(z.string()).describe("Legacy users whose future objects the roles of the stack can use."),
    migrationComplete: z
      .boolean()
      .optional()
      .describe("Whether the migration is complete: then the URL is kept without user and password. Default: false."),
  },
  decided: {
    url: z.string().describe("The legacy URL, byte for byte; secret."),
    hasLogin: z.boolean().describe("Whether the URL has its user and password."),
    isMade: z.boolean().describe("Whether it was created from the admin's login."),
  },
  secrets: ["url", "given", "made"],
});
