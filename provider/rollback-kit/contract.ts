import { z } from "zod";
import { urlFrom } from "../../model/runtime.ts";
import { defineContract, orUnknown } from "../contract.ts";
import { envSource } from "../service-env/contract.ts";

/** A container of the stack's own, as `docker create` is told to make it again. */
export const dockerCreate = z.strictObject({
  options: z.array(z.string()),
  image: z.string(),
  words: z.array(z.string()),
});
export type DockerCreate = z.infer<typeof dockerCreate>;

/** What is known of a service on its role so that it can be put back on its legacy URL. */
export const rollbackSource = {
  ...envSource,
  container: z
    .strictObject({
      name: z.string().min(1),
      create: dockerCreate,
      networks: z.record(z.string(), z.array(z.string())),
    })
    .optional()
    .describe("A container of the stack's own: how the command line makes it again."),
  env: orUnknown(z.record(z.string(), orUnknown(z.string())))
    .optional()
    .describe("Of a container: its environment but for the URL; secret."),
  swarm: z
    .strictObject({ name: z.string().min(1), urlFrom: z.enum(urlFrom) })
    .optional()
    .describe("A swarm's service of the stack's own."),
  stack: z.string(),
  legacyUrl: orUnknown(z.string()).describe("The DATABASE_URL that it goes back to."),
};

/** How a service is rolled back to its legacy URL: kept in the state, and with a folder as a script beside it. */
export const rollbackScriptContract = defineContract({
  token: "pgaccess:index:RollbackScript",
  description:
    "How a service is put back on its legacy URL: for app-roles rollback, and with a folder as a script beside it.",
  inputs: {
    ...rollbackSource,
    folder: z
      .string()
      .min(1)
      .optional()
      .describe(
        "Where the script is kept; from the Pulumi project's folder. Default: nowhere, the state alone keeps the way back.",
      ),
  },
  secrets: ["legacyUrl", "env"],
});
