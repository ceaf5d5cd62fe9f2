import { z } from "zod";
import { explainDocker } from "../../../provider/docker/client.ts";
import type { ProviderFunction } from "../../../provider/rpc/provider.ts";
import type { SandboxDocker } from "../../docker/api.ts";

const schema = z.strictObject({ name: z.string() });

/** The official plugin's data source `docker_network`, as far as it is used: a network's id by its name. */
export function getNetwork(docker: () => SandboxDocker): ProviderFunction {
  return async (args) => {
    const { name } = schema.parse(args);
    try {
      const { Id, Driver, Scope } = await docker().ask<{ Id: string; Driver: string; Scope: string }>(
        "GET",
        `/networks/${encodeURIComponent(name)}`,
      );
      return { result: { id: Id, name, driver: Driver, scope: Scope } };
    } catch (error) {
      throw explainDocker(`looking for the network ${name}`, error);
    }
  };
}
