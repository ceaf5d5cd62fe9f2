import { Server, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { listen } from "../../provider/rpc/listen.ts";
import { channelOptions, Plugin } from "../../provider/rpc/plugin.ts";
import { propertyService } from "../../provider/rpc/property-messages.ts";
import type { Provider } from "../../provider/rpc/provider.ts";
import { createService } from "../../provider/rpc/service.ts";

/** A plugin that serves one engine. */
export interface Hosted {
  /** On the loopback interface. */
  port: number;
  /** What SIGINT and SIGTERM do. By default they stop the plugin. */
  interrupt?(): void;
  stop(): Promise<void>;
}

/** Serves `provider` to an engine, as `serve` of provider/rpc does for a process of its own. Each call is answered `within`. */
export async function serveProvider(
  provider: Provider,
  engine: string,
  ended: () => void,
  within: (work: () => void) => void,
): Promise<Hosted> {
  const server = new Server(channelOptions);
  const plugin = new Plugin(() => provider.close(), ended);
  const service = Object.entries(createService(provider, plugin) as UntypedServiceImplementation).map(
    ([method, answer]) => [method, (call: never, callback: never) => within(() => answer(call, callback))],
  );
  server.addService(propertyService, Object.fromEntries(service) as UntypedServiceImplementation);
  const port = await listen(server);
  plugin.attach(engine);
  return {
    port,
    interrupt: () => plugin.interrupt(ended),
    async stop() {
      await plugin.cancel();
      plugin.engine?.close();
      server.forceShutdown();
    },
  };
}
