import type { InputsOf } from "../contract.ts";
import type { Reconciler } from "../reconciler.ts";
import { containerNameContract } from "./contract.ts";
import { ContainerPlace } from "./place.ts";

type Inputs = InputsOf<typeof containerNameContract>;

/**
 * Makes sure, before the service's container is made, that its name is free: one that somebody else made is refused, or put
 * aside on request and brought back at the end. Asks the database nothing.
 *
 * @param putAside services whose former container was put aside in this run: it comes back when the new one cannot be made
 */
export function containerName(putAside: Set<string>): Reconciler<typeof containerNameContract> {
  return {
    contract: containerNameContract,
    identity: ["service", "name"],
    advisory: ["existing", "dockerHost", "stack", "migrationComplete"],
    id: ({ name }) => name,

    async plan(inputs) {
      const { service, name, existing, migrationComplete } = inputs;
      const place = placeOf(inputs);
      const { holder, madeBy, aside } = await place.look();
      if (holder === "its rollback script") {
        const warning = `${service} was put back on its legacy URL by its rollback script: this up makes its container anew`;
        return { changes: { [name]: "of the rollback script: removed" }, warnings: [warning] };
      }
      if (holder !== "somebody else") {
        const left = `${service}: the container ${aside?.name} is still there, and so is the legacy URL in its environment; nothing goes back to it any more: docker rm ${aside?.name}`;
        return {
          changes: aside?.isRunning ? { [aside.name]: "stopped" } : {},
          warnings: aside && migrationComplete ? [left] : [],
        };
      }
      const here = `app-roles:services.${service}.container`;
      const found = `${service}: there is a container ${name} that this stack did not make (${madeBy})`;
      if (existing === "refuse") {
        const remedy = `Set ${here}.existing: replace, and it is stopped and kept as ${place.asideName}; or give ${here}.name another name`;
        return { changes: {}, failures: [{ property: "", reason: `${found}. ${remedy}` }] };
      }
      if (aside) {
        const reason = `${found}, and the former one is kept as ${aside.name} already. Remove one of the two`;
        return { changes: {}, failures: [{ property: "", reason }] };
      }
      return { changes: { [name]: `of ${madeBy}: stopped, and kept as ${place.asideName}` } };
    },

    summarize: ({ service }, changes) => {
      const lines = Object.entries(changes).map(([container, change]) => `container ${container} ${change}`);
      return lines.length === 0 ? undefined : `${service}: ${lines.join("; ")}`;
    },

    async apply(inputs) {
      const { service, name, existing } = inputs;
      const place = placeOf(inputs);
      const { holder, madeBy } = await place.look();
      if (holder === "its rollback script") {
        await place.removeRolledBack();
        return `${service}: the container of its rollback script is removed`;
      }
      if (holder === "somebody else" && existing === "refuse") {
        throw new Error(`${service}: there is a container ${name} now that this stack did not make (${madeBy})`);
      }
      await place.putAside();
      if (holder !== "somebody else") return undefined;
      putAside.add(service);
      return `${service}: the container that was there is stopped and kept as ${place.asideName}`;
    },

    async remove(inputs) {
      await placeOf(inputs).bringBack();
    },
  };
}

function placeOf({ dockerHost, name, service, stack }: Inputs): ContainerPlace {
  return new ContainerPlace(dockerHost, { name, service, stack });
}
