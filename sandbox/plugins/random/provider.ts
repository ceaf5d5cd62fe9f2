import type { Provider } from "../../../provider/rpc/provider.ts";
import { packageSchema } from "../package-schema.ts";
import { randomBytes } from "./random-bytes.ts";
import { randomPassword } from "./random-password.ts";

const resources = {
  "random:index/randomBytes:RandomBytes": randomBytes,
  "random:index/randomPassword:RandomPassword": randomPassword,
};

/** The sandbox's stand-in for this version of the official plugin `random`. */
export function randomProvider(): Provider {
  return {
    name: "random",
    version: "4.21.2",
    schema: async () => packageSchema("random", "4.21.2", resources),
    checkConfig: async (news) => ({ inputs: news }),
    configure: async () => undefined,
    resources,
    close: async () => undefined,
  };
}
