import type { Reconciler } from "../../reconciler.ts";
import type { Call } from "../../rpc/provider.ts";
import { targetProblems } from "../../service-env/problems.ts";
import { cutoversContract } from "./contract.ts";

/**
 * The runbook's "cut over one app at a time": refuses an up that would take more services than `max` from legacy to their
 * role. A service that the last up did not know, and the way back, do not count. Every service on its role depends on it.
 * The engine stops at the first resource that is refused, and then asks no policy about the stack. So all that is wrong with
 * services' files, with a restart that is due and with the declaration is said here, at once.
 */
export function cutovers(): Reconciler<typeof cutoversContract> {
  return {
    contract: cutoversContract,
    identity: [],
    // The services themselves say what changes about them.
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
      // One alone is left to the resource that refuses it, whose own words say more, and what stops no preview to the policies.
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
    `${due.length} services would be cut over at once: ${due.join(", ")}; app-roles:maxCutoversPerUp allows ${max}. ` +
    `Nothing of them was changed. By their order ${due.slice(0, max).join(", ")} ${max === 1 ? "goes" : "go"} first: ` +
    `set ${keys(due.slice(max))} back to legacy, run up, watch it, and go on with the next`
  );
}
