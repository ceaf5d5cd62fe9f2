import { z } from "zod";
import { connectAs } from "../../model/stack.ts";
import { defineContract, orUnknown } from "../contract.ts";

/** Where a service's environment variable is kept: compose or command. */
export const envSource = {
  service: z.string().min(1).describe("Name of the service."),
  urlKey: z
    .string()
    .regex(/^[A-Za-z_]\w*$/)
    .describe("The environment variable."),
  compose: z
    .strictObject({
      files: z.array(z.string().min(1)).min(1),
      project: z.string().min(1).optional(),
      service: z.string().min(1),
      envFile: z.string().min(1),
    })
    .optional()
    .describe("A service of a compose project."),
  command: z
    .strictObject({ path: z.string().min(1), args: z.array(z.string()) })
    .optional()
    .describe("The user's executable."),
  dockerHost: z.string().min(1).optional().describe("As the docker provider's `host`."),
};

/** A service's DATABASE_URL where compose or the user's command keeps it, and its restart. */
export const serviceEnvContract = defineContract({
  token: "pgaccess:index:ServiceEnv",
  description:
    "A service's DATABASE_URL in the env file of a compose project, or by the user's command, and its restart.",
  inputs: {
    ...envSource,
    connectAs: z.enum(connectAs).describe("Whether `url` is the legacy URL or the URL of the role."),
    role: z.string().describe("The role of the service."),
    url: orUnknown(z.string()).describe("The DATABASE_URL that the service must run with."),
    legacyUrl: orUnknown(z.string())
      .optional()
      .describe(
        "The previous DATABASE_URL, which is restored when this resource is deleted. Omit it to keep the current one.",
      ),
  },
  observed: {
    deployments: z.int().describe("Counts the redeploys."),
    deployedAt: z.number().nullable().describe("Milliseconds since 1970; null if it was never redeployed."),
    project: z.string().nullable().describe("The compose project; null with a command."),
  },
  secrets: ["url", "legacyUrl"],
});
