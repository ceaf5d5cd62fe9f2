import { z } from "zod";
import { defineContract } from "../contract.ts";

export const containerNameContract = defineContract({
  token: "pgaccess:index:ContainerName",
  description: "Makes sure that the name of a service's container is free before the container is created.",
  inputs: {
    service: z.string().min(1).describe("Name of the service."),
    name: z.string().min(1).describe("Name of its container."),
    stack: z.string().describe("`project/stack`, the label of its containers."),
    existing: z
      .enum(["refuse", "replace"])
      .describe("Whether to refuse or replace a container of that name that the stack did not create."),
    migrationComplete: z
      .boolean()
      .optional()
      .describe(
        "Whether the migration is complete: then a warning names a container that was set aside, since it has the legacy URL. Default: false.",
      ),
    dockerHost: z.string().optional().describe("Docker address. Default: DOCKER_HOST, else the local socket."),
  },
});
