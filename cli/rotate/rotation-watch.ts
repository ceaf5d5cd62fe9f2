import type { EngineEvent } from "../pulumi/event-log.ts";
import type { Rotation } from "./rotation.ts";

/** What makes a service run with its new URL. */
const deployed = new Set(["create", "update", "create-replacement"]);

/** Follows the events of a rotation's up: from when new logins with the former password fail, and for which service until when. */
export class RotationWatch {
  readonly #rotation: Pick<Rotation, "begins" | "ends" | "deployments">;
  readonly #redeployedAt = new Map<string, number>();
  /** The rotation may be a fact. */
  mayHaveBegun = false;
  /** It is one. */
  hasBegun = false;
  /** When the server was told to refuse the former password, at the earliest; milliseconds since 1970. Undefined: it was not. */
  endedAt: number | undefined;

  constructor(rotation: Pick<Rotation, "begins" | "ends" | "deployments">) {
    this.#rotation = rotation;
  }

  /** All events so far, seen at `now`. */
  see(events: EngineEvent[], now: number): void {
    const { begins, ends, deployments } = this.#rotation;
    const isToBe = (urn: string) =>
      events.some(({ resourcePreEvent: event }) => event?.metadata.urn === urn && event.metadata.op === "update");
    // Once seen it stays so, whichever look came first.
    this.mayHaveBegun ||= isToBe(begins);
    if (isToBe(ends)) this.endedAt ??= now;
    this.hasBegun ||= events.some(
      ({ resOutputsEvent: event }) => event?.metadata.urn === begins && event.metadata.op === "update",
    );
    for (const [service, urn] of deployments) {
      const isDone = events.some(
        ({ resOutputsEvent: event }) => event?.metadata.urn === urn && deployed.has(event.metadata.op),
      );
      if (isDone && !this.#redeployedAt.has(service)) this.#redeployedAt.set(service, now);
    }
  }

  wasRedeployed(service: string): boolean {
    return this.#redeployedAt.has(service);
  }

  /** Milliseconds in which new logins of the service failed; Infinity: until it is redeployed, which it was not. */
  window(service: string): number {
    if (this.endedAt === undefined) return 0;
    const redeployed = this.#redeployedAt.get(service);
    return redeployed === undefined ? Number.POSITIVE_INFINITY : Math.max(0, redeployed - this.endedAt);
  }
}
