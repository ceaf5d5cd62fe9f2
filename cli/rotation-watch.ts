import type { EngineEvent } from "./event-log.ts";

/** What makes a service run with its new URL. */
const deployed = new Set(["create", "update", "create-replacement"]);

/** Follows the events of a rotation's up: from when new logins with the former password fail, and for which service until when. */
export class RotationWatch {
  readonly #role: string;
  readonly #deployments: Map<string, string>;
  readonly #redeployedAt = new Map<string, number>();
  /** When the server was told the new password, at the earliest; milliseconds since 1970. Undefined: it was not. */
  changedAt: number | undefined;
  /** The server has said that it took it. */
  isChanged = false;

  /** @param role URN of the role. @param deployments service to the URN of what starts it */
  constructor(role: string, deployments: Map<string, string>) {
    this.#role = role;
    this.#deployments = deployments;
  }

  /** All events so far, seen at `now`. */
  see(events: EngineEvent[], now: number): void {
    const begun = events.some(
      ({ resourcePreEvent: event }) => event?.metadata.urn === this.#role && event.metadata.op === "update",
    );
    if (begun) this.changedAt ??= now;
    this.isChanged = events.some(
      ({ resOutputsEvent: event }) => event?.metadata.urn === this.#role && event.metadata.op === "update",
    );
    for (const [service, urn] of this.#deployments) {
      const isDone = events.some(
        ({ resOutputsEvent: event }) => event?.metadata.urn === urn && deployed.has(event.metadata.op),
      );
      if (isDone && !this.#redeployedAt.has(service)) this.#redeployedAt.set(service, now);
    }
  }

  /** Milliseconds in which new logins of the service failed; undefined: it was not redeployed. */
  window(service: string): number | undefined {
    const end = this.#redeployedAt.get(service);
    return end === undefined || this.changedAt === undefined ? undefined : end - this.changedAt;
  }
}
