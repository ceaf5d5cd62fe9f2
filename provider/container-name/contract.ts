import { z } from "zod";
import { defineContract } from "../contract.ts";

/** The name of a service's container: free, before the container is made. */
export const containerNameContract = defineContract({
  token: "pgaccess:index:ContainerName",
  description: "The name of a service's container: free, before the container is made.",
  inputs: {
    service: z.string().min(1),
    name: z.string().min(1).describe("The name of its container."),
    stack: z.string().describe("`project/stack`, as its containers are labelled."),
    existing: z
      .enum(["refuse", "replace"])
      .describe("What happens to a container of that name that somebody else made."),
    migrationComplete: z
      .boolean()
      .optional()
      .describe(
        "Whether nothing goes back any more: then a container that was put aside, with its legacy URL, is named.",
      ),
    dockerHost: z.string().optional().describe("As DOCKER_HOST; default: DOCKER_HOST, else this machine's socket."),
  },
});
