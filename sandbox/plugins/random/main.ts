#!/usr/bin/env node
import { serve } from "../../../provider/rpc/serve.ts";
import { randomBytes } from "./random-bytes.ts";

/** The sandbox's stand-in for the official plugin `random`, of the version whose behaviour it has. */
await serve({
  name: "random",
  version: "4.21.2",
  schema: { name: "random", version: "4.21.2", resources: { "random:index/randomBytes:RandomBytes": {} } },
  checkConfig: async (news) => ({ inputs: news }),
  configure: async () => undefined,
  resources: { "random:index/randomBytes:RandomBytes": randomBytes },
  close: async () => undefined,
});
