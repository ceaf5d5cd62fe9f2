import { z } from "zod";

/** The contract of a function of the plugin, for the package schema, the plugin and the components. */
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
  description: "Waits until no other session is changing a role. AppRole calls it before it changes the role.",
  inputs: { role: z.string().describe("Name of the role.") },
  outputs: {},
});

export const bringContainerBackContract = defineFunction({
  token: "pgaccess:index:bringContainerBack",
  description:
    "Starts the previous container of a service again when its new one could not be created. Service calls it.",
  inputs: {
    service: z.string().describe("Name of the service."),
    name: z.string().describe("Name of its container."),
    stack: z.string().describe("`project/stack`, the label of its containers."),
    dockerHost: z.string().optional().describe("Docker address. Default: DOCKER_HOST, else the local socket."),
  },
  outputs: { broughtBack: z.boolean().describe("Whether the previous container was started.") },
});

export const dropLeftoverRoleContract = defineFunction({
  token: "pgaccess:index:dropLeftoverRole",
  description:
    "Drops a role that an interrupted up created but did not save. AppRole calls it before it creates the role.",
  inputs: {
    role: z.string().describe("Name of the role."),
    memberOf: z.string().optional().describe("Role that it is created as a member of. Default: none."),
  },
  outputs: { dropped: z.boolean().describe("Whether the role existed and was dropped.") },
});
