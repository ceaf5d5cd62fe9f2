import { Server, ServerCredentials } from "@grpc/grpc-js";
import { expect, test, vi } from "vitest";
import { Plugin } from "../../../provider/rpc/plugin.ts";

async function listen(port: number): Promise<{ server: Server; port: number }> {
  const server = new Server();
  return new Promise((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve({ server, port: bound }),
    );
  });
}

test("an engine at the port of one that has ended is not taken for that one", async () => {
  const first = await listen(0);
  const firstGone = vi.fn();
  const firstPlugin = new Plugin(async () => undefined, firstGone);
  firstPlugin.attach(`127.0.0.1:${first.port}`);
  const connected = async () => firstPlugin.engine?.getChannel().getConnectivityState(false);
  await expect.poll(connected).toBe(2); // READY
  first.server.forceShutdown();
  await expect.poll(() => firstGone.mock.calls.length).toBe(1);

  const second = await listen(first.port);
  const secondGone = vi.fn();
  const secondPlugin = new Plugin(async () => undefined, secondGone);
  secondPlugin.attach(`127.0.0.1:${second.port}`);
  await expect.poll(async () => secondPlugin.engine?.getChannel().getConnectivityState(false)).toBe(2);
  expect(secondGone).not.toHaveBeenCalled();

  for (const plugin of [firstPlugin, secondPlugin]) plugin.engine?.close();
  second.server.forceShutdown();
});
