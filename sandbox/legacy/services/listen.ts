import { once } from "node:events";
import { createServer } from "node:http";

/**
 * Serves clients over HTTP, one of the service's requests for each of theirs: 200 when it was served, else 500. What it gives
 * takes no new ones, and resolves when those at hand are answered.
 */
export async function listen(port: number, request: () => Promise<boolean>): Promise<() => Promise<void>> {
  const server = createServer(async ({ url }, response) => {
    response.shouldKeepAlive = false;
    response.writeHead(url === "/healthy" || (await request()) ? 200 : 500).end();
  });
  server.listen(port);
  await once(server, "listening");
  return async () => {
    server.close();
    await once(server, "close");
  };
}
