import type { InputsOf } from "../contract.ts";
import { CommandTarget } from "./command.ts";
import { ComposeTarget } from "./compose.ts";
import type { envSource } from "./contract.ts";
import type { EnvTarget } from "./target.ts";

/** How a program says where a service's environment variable is kept. */
export type EnvSource = InputsOf<{ inputs: typeof envSource }>;

export function toTarget({ service, urlKey, compose, command, dockerHost }: EnvSource): EnvTarget | undefined {
  if (compose) return new ComposeTarget({ ...compose, composeService: compose.service, service, urlKey, dockerHost });
  return command && new CommandTarget({ ...command, service, urlKey });
}
