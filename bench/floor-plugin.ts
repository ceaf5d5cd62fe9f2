/** The plugin of floor.ts: one resource type that accepts its inputs and does nothing, served like the stack's own plugin. */
import type { Provider } from "../provider/rpc/provider.ts";
import { serve } from "../provider/rpc/serve.ts";

const nothing: Provider = {
  name: "floor",
  version: "0.0.1",
  schema: async () => ({ name: "floor", version: "0.0.1" }),
  checkConfig: async (inputs) => ({ inputs }),
  configure: async () => undefined,
  resources: {
    "floor:index:Resource": {
      check: async (_call, { news }) => ({ inputs: news }),
      diff: async () => ({ changes: false }),
      create: async ({ name }, { inputs }) => ({ id: name, outputs: inputs }),
      update: async (_call, { news }) => ({ outputs: news }),
      read: async (_call, { id, inputs, olds }) => ({ id, inputs, outputs: olds }),
      delete: async () => undefined,
    },
  },
  close: async () => undefined,
};

await serve(nothing);
