import type { Reconciler } from "../../reconciler.ts";
import type { Call } from "../../rpc/provider.ts";
import { targetProblems } from "../../service-env/problems.ts";
import { cutoversContract } from "./contract.ts";

/**
 * Refuses an up that would cut over more than `max` services. New services and rollbacks do not count. Every service on its
 * role depends on this resource. The engine stops at the first refused resource and skips the policies, so this resource
 * reports all problems of services' files, due restarts and the declaration in one go.
 */
export function cutovers(): Reconciler<typeof cutoversContract> {
  return {
    contract: cutoversContract,
    identity: [],
    // The services' own resources show what changes.
    advisory: ["services", "max", "places", "refused"],
    id: () => "cutovers",

    async plan({ services, max, places = [], refused = [] }, previous, _before, call: Call) {
      const before = new Map(previous?.services.map(({ service, connectAs }) => [service, connectAs]));
      const due = services
        .filter(({ service, connectAs }) => connectAs === "role" && before.get(service) === "legacy")
        .map(({ service }) => service);
      const isDue = ({ service }: { service: string }) => due.includes(service);
      const problems = await Promise.all([
        targetProblems(places.filter(isDue), call, "redeploy"),
        targetProblems(
          places.filter((place) => !isDue(place)),
          call,
          "read",
        ),
      ]);
      const tooMany = due.length > max ? [refusal(due, max)] : [];
      const by = (whom: string) => refused.filter((one) => one.by === whom).map(({ reason }) => reason);
      const elsewhere = [...problems.flat().map(({ key, reason }) => `${key}: ${reason}`), ...by("preview")];
      const stops = [...tooMany, ...elsewhere];
      const all = [...stops, ...by("policies")];
      // A single reason is left to the resource that refuses it, whose message is more detailed, or to the policies.
      const isLeft = stops.length === 0 || (tooMany.length === 0 && all.length === 1);
      const reasons = isLeft ? [] : all;
      return { changes: {}, failures: reasons.map((reason) => ({ property: "", reason })) };
    },

    summarize: () => undefined,
    apply: async () => undefined,
    remove: async () => undefined,
  };
}

function refusal(due: string[], max: number): string {
  const keys = (services: string[]) => services.map((service) => `app-roles:services.${service}.connectAs`).join(", ");
  return (
    `${due.length} services would be cut over in one up: ${due.join(", ")}; app-roles:maxCutoversPerUp allows ${max}. ` +
    `None of them was changed. In cutover order, ${due.slice(0, max).join(", ")} ${max === 1 ? "is" : "are"} first: ` +
    `set ${keys(due.slice(max))} back to legacy, run up, watch it, and continue with the next`
  );
}
