import type Docker from "dockerode";
import { z } from "zod";
import { explainDocker } from "../../../provider/docker/client.ts";
import type { ProviderFunction } from "../../../provider/rpc/provider.ts";

const schema = z.strictObject({ name: z.string() });

/** The official plugin's data source `docker_network`, as far as it is used: a network's id by its name. */
export function getNetwork(docker: () => Docker): ProviderFunction {
  return async (args) => {
    const { name } = schema.parse(args);
    try {
      const { Id, Driver, Scope } = await docker().getNetwork(name).inspect();
      return { result: { id: Id, name, driver: Driver, scope: Scope } };
    } catch (error) {
      throw explainDocker(`looking for the network ${name}`, error);
    }
  };
}
