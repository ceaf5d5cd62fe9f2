import { z } from "zod";
import type { Reconciler } from "./reconciler.ts";

const shape = {
  /** Every service of the stack, in cutover order. */
  services: z.array(z.strictObject({ service: z.string(), connectAs: z.enum(["legacy", "role"]) })),
  /** How many of them one up may take from legacy to their role. */
  max: z.int().positive(),
};

/**
 * The runbook's "cut over one app at a time": refuses an up that would take more services than `max` from legacy to their
 * role. A service that the last up did not know, and the way back, do not count. Every service on its role depends on it.
 */
export function cutovers(): Reconciler<typeof shape> {
  return {
    description: "Refuses to take more services at once from their legacy login to their role than is declared.",
    shape,
    identity: [],
    // The services themselves say what changes about them.
    advisory: ["services", "max"],
    id: () => "cutovers",

    async plan({ services, max }, olds) {
      const before = new Map(olds?.services.map(({ service, connectAs }) => [service, connectAs]));
      const due = services
        .filter(({ service, connectAs }) => connectAs === "role" && before.get(service) === "legacy")
        .map(({ service }) => service);
      return { changes: {}, failures: due.length > max ? [{ property: "", reason: refusal(due, max) }] : [] };
    },

    summarize: () => undefined,
    apply: async () => undefined,
    remove: async () => undefined,
  };
}

function refusal(due: string[], max: number): string {
  const keys = (services: string[]) => services.map((service) => `app-roles:services.${service}.connectAs`).join(", ");
  return (
    `${due.length} services would be cut over at once: ${due.join(", ")}; app-roles:maxCutoversPerUp allows ${max}. ` +
    `Nothing of them was changed. By their order ${due.slice(0, max).join(", ")} ${max === 1 ? "goes" : "go"} first: ` +
    `set ${keys(due.slice(max))} back to legacy, run up, watch it, and go on with the next`
  );
}
