import type { EngineEvent } from "../pulumi/event-log.ts";
import type { Rotation } from "./rotation.ts";

/** Operations that start a service with its new URL. */
const deployed = new Set(["create", "update", "create-replacement"]);

/** Follows the events of a rotation's up, and measures for each service how long new logins with the previous password fail. */
export class RotationWatch {
  readonly #rotation: Pick<Rotation, "begins" | "ends" | "deployments">;
  readonly #redeployedAt = new Map<string, number>();
  /** The password may have changed. */
  mayHaveBegun = false;
  /** The password has changed. */
  hasBegun = false;
  /** Earliest time at which the server refuses the previous password, in milliseconds since 1970; undefined if it does not. */
  endedAt: number | undefined;

  constructor(rotation: Pick<Rotation, "begins" | "ends" | "deployments">) {
    this.#rotation = rotation;
  }

  /** All events so far, read at `now`. */
  see(events: EngineEvent[], now: number): void {
    const { begins, ends, deployments } = this.#rotation;
    const isBegun = (urn: string) =>
      events.some(({ resourcePreEvent: event }) => event?.metadata.urn === urn && event.metadata.op === "update");
    // Reads can overlap: an older one must not reset it.
    this.mayHaveBegun ||= isBegun(begins);
    if (isBegun(ends)) this.endedAt ??= now;
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

  /** Milliseconds in which new logins of the service failed; Infinity if it was not redeployed. */
  window(service: string): number {
    if (this.endedAt === undefined) return 0;
    const redeployed = this.#redeployedAt.get(service);
    return redeployed === undefined ? Number.POSITIVE_INFINITY : Math.max(0, redeployed - this.endedAt);
  }
}
