import { parseArgs } from "node:util";
import { Server } from "@grpc/grpc-js";
import { listen } from "./listen.ts";
import { channelOptions, Plugin } from "./plugin.ts";
import { propertyService } from "./property-messages.ts";
import type { Provider } from "./provider.ts";
import { createService } from "./service.ts";

/** Milliseconds for closing sessions and sending last responses; then the process exits in any case. */
const exitTimeout = 800;

/**
 * Runs `provider` as a Pulumi resource plugin: prints the port on stdout, as the engine expects, and serves until the engine stops
 * it or has ended. `argv` are the arguments of the engine: its address, after logging flags that are ignored.
 *
 * The first SIGINT or SIGTERM cancels (transactions roll back, calls answer "cancelled") and the plugin waits for the engine; a
 * second one, or one after the engine's Cancel, ends it.
 */
export async function serve(provider: Provider, argv: string[] = process.argv.slice(2)): Promise<void> {
  const server = new Server(channelOptions);
  const plugin = new Plugin(() => provider.close(), leave);
  server.addService(propertyService, { ...createService(provider, plugin) });

  const exit = () => process.exit();
  /** Ends the process after closing its sessions and after `answer`. */
  function end(answer: (then: () => void) => void): void {
    setTimeout(exit, exitTimeout).unref();
    const finish = () => answer(exit);
    plugin.cancel().then(finish, finish);
  }
  function leave(): void {
    end((then) => then());
  }
  function quit(): void {
    end((then) => server.tryShutdown(then));
  }
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => plugin.interrupt(quit));
  }

  const address = parseArgs({
    args: argv,
    options: { tracing: { type: "string" }, logtostderr: { type: "boolean" }, v: { type: "string", short: "v" } },
    allowPositionals: true,
    strict: false,
  }).positionals[0];
  const port = await listen(server);
  process.stdout.write(`${port}\n`);
  plugin.attach(address ?? "");
}
