import { z } from "zod";
import { urlFrom } from "../../model/runtime.ts";
import { defineContract, orUnknown } from "../contract.ts";
import { envSource } from "../service-env/contract.ts";

/** A container of the stack, with the arguments of `docker create`. */
export const dockerCreate = z.strictObject({
  options: z.array(z.string()),
  image: z.string(),
  words: z.array(z.string()),
});
export type DockerCreate = z.infer<typeof dockerCreate>;

/** What is needed to roll a service on its role back to its legacy URL. */
export const rollbackSource = {
  ...envSource,
  container: z
    .strictObject({
      name: z.string().min(1),
      create: dockerCreate,
      networks: z.record(z.string(), z.array(z.string())),
    })
    .optional()
    .describe("A container of the stack: how to create it again from the command line."),
  env: orUnknown(z.record(z.string(), orUnknown(z.string())))
    .optional()
    .describe("The environment of the container without the URL; secret."),
  swarm: z
    .strictObject({ name: z.string().min(1), urlFrom: z.enum(urlFrom) })
    .optional()
    .describe("A swarm service of the stack."),
  stack: z.string().describe("The name of the Pulumi stack."),
  legacyUrl: orUnknown(z.string()).describe("The DATABASE_URL to roll back to."),
};

/** How a service is rolled back to its legacy URL: kept in the state, and with a folder also as a script. */
export const rollbackScriptContract = defineContract({
  token: "pgaccess:index:RollbackScript",
  description:
    "How a service is rolled back to its legacy URL: for app-roles rollback, and with a folder also as a script.",
  inputs: {
    ...rollbackSource,
    folder: z
      .string()
      .min(1)
      .optional()
      .describe(
        "Where the script is kept, relative to the Pulumi project's folder. Omit it to keep the record only in the state.",
      ),
  },
  secrets: ["legacyUrl", "env"],
});
