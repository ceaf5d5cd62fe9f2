#!/usr/bin/env node
import { serve } from "../../../provider/rpc/serve.ts";
import { packageSchema } from "../package-schema.ts";
import { checkConfig, readConfig } from "./config.ts";
import { Connections } from "./connections.ts";
import { roleResource } from "./role.ts";

let connections: Connections | undefined;

function connected(): Connections {
  if (!connections) throw new Error("the provider postgresql is not configured");
  return connections;
}

const resources = { "postgresql:index/role:Role": roleResource(connected) };

/** The sandbox's stand-in for this version of the official plugin `postgresql`. */
await serve({
  name: "postgresql",
  version: "3.18.1",
  schema: () => packageSchema("postgresql", "3.18.1", resources),
  checkConfig: async (news) => ({ inputs: news, failures: checkConfig(news) }),
  async configure(config) {
    connections = new Connections(readConfig(config));
  },
  resources,
  // Like the official plugin, it finishes its current calls when the engine cancels it.
  close: async () => undefined,
});
