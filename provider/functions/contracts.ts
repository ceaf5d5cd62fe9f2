import { z } from "zod";

/** What a function of the plugin promises; the package schema, the plugin and the components read it. */
export interface FunctionContract<Inputs extends z.ZodRawShape, Outputs extends z.ZodRawShape> {
  token: `pgaccess:index:${string}`;
  description: string;
  inputs: Inputs;
  outputs: Outputs;
}

function defineFunction<Inputs extends z.ZodRawShape, Outputs extends z.ZodRawShape>(
  contract: FunctionContract<Inputs, Outputs>,
): FunctionContract<Inputs, Outputs> {
  return contract;
}

export const awaitRoleContract = defineFunction({
  token: "pgaccess:index:awaitRole",
  description: "Waits until no other session is changing a role; called by AppRole before it changes the role.",
  inputs: { role: z.string() },
  outputs: {},
});

export const bringContainerBackContract = defineFunction({
  token: "pgaccess:index:bringContainerBack",
  description:
    "Starts the container again that made room for a service's own, when that could not be made; called by Service.",
  inputs: { service: z.string(), name: z.string(), stack: z.string(), dockerHost: z.string().optional() },
  outputs: { broughtBack: z.boolean() },
});

export const dropLeftoverRoleContract = defineFunction({
  token: "pgaccess:index:dropLeftoverRole",
  description: "Drops a role that a killed run left behind bare; called by AppRole before it makes the role.",
  inputs: { role: z.string(), memberOf: z.string().optional() },
  outputs: { dropped: z.boolean() },
});
