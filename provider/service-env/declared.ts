import { z } from "zod";
import { CommandTarget } from "./command.ts";
import { ComposeTarget } from "./compose.ts";
import type { EnvTarget } from "./target.ts";

/** How a program says where a service's environment variable is kept. */
export const declaredTarget = {
  service: z.string().min(1),
  /** The environment variable. */
  urlKey: z.string().regex(/^[A-Za-z_]\w*$/),
  /** A service of a compose project. */
  compose: z
    .strictObject({
      files: z.array(z.string().min(1)).min(1),
      project: z.string().min(1).optional(),
      service: z.string().min(1),
      envFile: z.string().min(1),
    })
    .optional(),
  /** An executable of the user's. */
  command: z.strictObject({ path: z.string().min(1), args: z.array(z.string()) }).optional(),
  /** As the docker provider's `host`. */
  dockerHost: z.string().min(1).optional(),
};
export type DeclaredTarget = z.infer<z.ZodObject<typeof declaredTarget>>;

export function toTarget({ service, urlKey, compose, command, dockerHost }: DeclaredTarget): EnvTarget | undefined {
  if (compose) return new ComposeTarget({ ...compose, composeService: compose.service, service, urlKey, dockerHost });
  return command && new CommandTarget({ ...command, service, urlKey });
}
