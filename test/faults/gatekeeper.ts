import { once } from "node:events";
import { connect, createServer, type Server as NetServer, type Socket } from "node:net";

/** A refusal as Postgres sends one before a login: SQLSTATE and text. */
export interface Refusal {
  code: string;
  message: string;
}

/**
 * A proxy between the plugin and the server that simulates a failover: it can refuse logins with a FATAL error of Postgres, cut
 * open sessions, and pass later ones to the server again.
 */
export class Gatekeeper {
  readonly #net: NetServer;
  readonly #sockets = new Set<Socket>();
  /** Each login gets the next refusal; without one left it is passed on. */
  readonly refusals: Refusal[] = [];
  /** Called with each message of the client, so that a test can act during an up. */
  onMessage: ((text: string) => void) | undefined;

  private constructor(net: NetServer) {
    this.#net = net;
  }

  static async start(target: { host: string; port: number }): Promise<Gatekeeper> {
    const net = createServer();
    const keeper = new Gatekeeper(net);
    net.on("connection", (client) => keeper.#admit(client, target));
    net.listen(0, "127.0.0.1");
    await once(net, "listening");
    return keeper;
  }

  get port(): number {
    const address = this.#net.address();
    if (address === null || typeof address === "string") throw new Error("the gatekeeper is not listening");
    return address.port;
  }

  /** Ends all sessions immediately, like a lost server. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  async stop(): Promise<void> {
    this.cut();
    this.#net.close();
    await once(this.#net, "close");
  }

  #admit(client: Socket, target: { host: string; port: number }): void {
    client.on("error", () => undefined);
    const refusal = this.refusals.shift();
    if (refusal) {
      client.once("data", () => client.end(errorResponse(refusal)));
      return;
    }
    const server = connect(target);
    for (const socket of [client, server]) this.#sockets.add(socket);
    server.on("error", () => client.destroy());
    client.on("close", () => server.destroy());
    server.on("close", () => client.destroy());
    client.on("data", (data) => {
      server.write(data);
      this.onMessage?.(data.toString("latin1"));
    });
    server.pipe(client);
  }
}

/** PostgreSQL documentation, "Message Formats": ErrorResponse. */
function errorResponse({ code, message }: Refusal): Buffer {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${message}\0\0`);
  const head = Buffer.alloc(5);
  head.write("E");
  head.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
}
