import { Server, ServerCredentials } from "@grpc/grpc-js";
import { channelOptions, Plugin } from "../../provider/rpc/plugin.ts";
import { propertyService } from "../../provider/rpc/property-messages.ts";
import type { Provider } from "../../provider/rpc/provider.ts";
import { createService } from "../../provider/rpc/service.ts";

/** A plugin that serves one engine. */
export interface Hosted {
  /** On the loopback interface. */
  port: number;
  stop(): Promise<void>;
}

/** Serves `provider` to an engine, as `serve` of provider/rpc does for a process of its own. */
export async function serveProvider(provider: Provider, engine: string, ended: () => void): Promise<Hosted> {
  const server = new Server(channelOptions);
  const plugin = new Plugin(() => provider.close(), ended);
  server.addService(propertyService, { ...createService(provider, plugin) });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  plugin.attach(engine);
  return {
    port,
    async stop() {
      await plugin.cancel();
      plugin.engine?.close();
      server.forceShutdown();
    },
  };
}
