import { z } from "zod";
import { connectAs } from "../../model/stack.ts";
import { defineContract, orUnknown } from "../contract.ts";

export const serviceUrlContract = defineContract({
  token: "pgaccess:index:ServiceUrl",
  description:
    "The current DATABASE_URL of a service. The URL of a role is used only after a login as the role has succeeded.",
  inputs: {
    service: z.string().describe("Name of the service."),
    database: z.string().describe("Name of the database."),
    connectAs: z
      .enum(connectAs)
      .describe(
        "Whether the service connects with its legacy URL or as its role: the switch for cutover and rollback.",
      ),
    role: z.string().describe("Name of the role."),
    login: orUnknown(z.string())
      .optional()
      .describe("Login role that SETs ROLE to the role. Default: the role itself."),
    password: orUnknown(z.string()).optional().describe("Password of the login role. Default: none, as for `legacy`."),
    url: orUnknown(z.string()).describe("The DATABASE_URL for the service."),
    isDeployed: z.boolean().optional().describe("Whether the stack restarts the service with the URL. Default: false."),
  },
  secrets: ["url", "password"],
});
