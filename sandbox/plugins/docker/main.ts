#!/usr/bin/env node
import { z } from "zod";
import { serve } from "../../../provider/rpc/serve.ts";
import { reveal, Unknown } from "../../../provider/rpc/values.ts";
import type { SandboxDocker } from "../../docker/api.ts";
import { checkInputs, readInputs } from "../inputs.ts";
import { packageSchema } from "../package-schema.ts";
import { containerResource } from "./container.ts";
import { findDaemon } from "./daemon.ts";
import { getNetwork } from "./network.ts";
import { secretResource } from "./secret.ts";
import { serviceResource } from "./service.ts";

const config = z.strictObject({ host: z.string(), version: z.string() }).partial();

let client: SandboxDocker | undefined;

function connected(): SandboxDocker {
  if (!client) throw new Error("the provider docker is not configured");
  return client;
}

const resources = {
  "docker:index/container:Container": containerResource(connected),
  "docker:index/secret:Secret": secretResource(connected),
  "docker:index/service:Service": serviceResource(connected),
};
const functions = { "docker:index/getNetwork:getNetwork": getNetwork(connected) };

/** The sandbox's stand-in for the official plugin `docker`, of the version whose behaviour it has. */
await serve({
  name: "docker",
  version: "5.2.0",
  schema: packageSchema("docker", "5.2.0", resources, functions),
  async checkConfig(news) {
    const known = Object.entries(news).filter(([, value]) => !(reveal(value) instanceof Unknown));
    return { inputs: news, failures: checkInputs(config, Object.fromEntries(known)) };
  },
  async configure(given, variables) {
    readInputs(config, given);
    client = await findDaemon(variables);
  },
  resources,
  functions,
  close: async () => undefined,
});
