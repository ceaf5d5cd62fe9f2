import { get } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

/** Milliseconds between two requests. */
const pause = 100;
/** Milliseconds that an answer may take. */
const patience = 10_000;

/** A client that asks one service all the time. As a proxy does, it asks another container where one takes no request. */
export class Client {
  served = 0;
  /** Answered with an error, not answered, or taken by no container. */
  failed = 0;
  /** Milliseconds between two served requests, at the most. */
  longestGap = 0;
  #lastServed: number | undefined;
  #isStopping = false;
  readonly #running: Promise<void>;

  /** @param addresses `host:port` of the service's containers at that moment */
  constructor(addresses: () => string[]) {
    this.#running = this.#run(addresses);
  }

  /** Ends it after the request at hand. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
  }

  async #run(addresses: () => string[]): Promise<void> {
    while (!this.#isStopping) {
      if (await isServed(addresses())) this.#count();
      else this.failed++;
      await sleep(pause);
    }
  }

  #count(): void {
    const now = Date.now();
    if (this.#lastServed !== undefined) this.longestGap = Math.max(this.longestGap, now - this.#lastServed);
    this.#lastServed = now;
    this.served++;
  }
}

async function isServed(addresses: string[]): Promise<boolean> {
  for (const address of addresses) {
    const status = await request(address);
    if (status !== undefined) return status === 200;
  }
  return false;
}

/** The status, 0 for a broken answer; undefined: nobody took the request. */
function request(address: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const asked = get(`http://${address}/`, { agent: false, timeout: patience }, (response) => {
      response
        .resume()
        .once("end", () => resolve(response.statusCode))
        .once("error", () => resolve(0));
    });
    asked.once("timeout", () => asked.destroy(new Error("no answer")));
    asked.once("error", (error: NodeJS.ErrnoException) => {
      resolve(notTaken.has(error.code ?? "") ? undefined : 0);
    });
  });
}

const notTaken = new Set(["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH"]);
