import type { Provider } from "../../../provider/rpc/provider.ts";
import { packageSchema } from "../package-schema.ts";
import { checkConfig, readConfig } from "./config.ts";
import { Connections } from "./connections.ts";
import { roleResource } from "./role.ts";

/**
 * The sandbox's stand-in for this version of the official plugin `postgresql`.
 *
 * @param env the variables with the defaults of the configuration, such as PGPASSWORD
 */
export function postgresqlProvider(env: NodeJS.ProcessEnv): Provider {
  let connections: Connections | undefined;
  const connected = (): Connections => {
    if (!connections) throw new Error("the provider postgresql is not configured");
    return connections;
  };
  const resources = { "postgresql:index/role:Role": roleResource(connected) };
  return {
    name: "postgresql",
    version: "3.18.1",
    schema: async () => packageSchema("postgresql", "3.18.1", resources),
    checkConfig: async (news) => ({ inputs: news, failures: checkConfig(news) }),
    async configure(config) {
      connections = new Connections(readConfig(config, env));
    },
    resources,
    // Like the official plugin, it finishes its current calls when the engine cancels it.
    close: async () => undefined,
  };
}
