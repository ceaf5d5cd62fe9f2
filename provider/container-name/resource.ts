import type { InputsOf } from "../contract.ts";
import type { Reconciler } from "../reconciler.ts";
import { containerNameContract } from "./contract.ts";
import { ContainerPlace } from "./place.ts";

type Inputs = InputsOf<typeof containerNameContract>;

/**
 * Frees the name of a service's container before the container is created: another container with it is refused, or set aside on
 * request and restored on delete. Does not query the database.
 *
 * @param setAside services whose previous container was set aside in this up, to be restored when the new one cannot be created
 */
export function containerName(setAside: Set<string>): Reconciler<typeof containerNameContract> {
  return {
    contract: containerNameContract,
    identity: ["service", "name"],
    advisory: ["existing", "dockerHost", "stack", "migrationComplete"],
    id: ({ name }) => name,

    async plan(inputs) {
      const { service, name, existing, migrationComplete } = inputs;
      const place = placeOf(inputs);
      const { holder, createdBy, aside } = await place.look();
      if (holder === "rollback script") {
        const warning = `the rollback script rolled ${service} back to its legacy URL: this up creates its container again`;
        return { changes: { [name]: "of the rollback script: removed" }, warnings: [warning] };
      }
      if (holder !== "other") {
        const obsolete = `${service}: the container ${aside?.name} still exists, with the legacy URL in its environment; it is no longer needed for a rollback: docker rm ${aside?.name}`;
        return {
          changes: aside?.isRunning ? { [aside.name]: "stopped" } : {},
          warnings: aside && migrationComplete ? [obsolete] : [],
        };
      }
      const here = `app-roles:services.${service}.container`;
      const found = `${service}: the container ${name} exists and was not created by this stack (${createdBy})`;
      if (existing === "refuse") {
        const remedy = `Set ${here}.existing: replace to stop it and keep it as ${place.asideName}; or set ${here}.name to another name`;
        return { changes: {}, failures: [{ property: "", reason: `${found}. ${remedy}` }] };
      }
      if (aside) {
        const reason = `${found}, and the previous one is kept as ${aside.name} already. Remove one of the two`;
        return { changes: {}, failures: [{ property: "", reason }] };
      }
      return { changes: { [name]: `of ${createdBy}: stopped, and kept as ${place.asideName}` } };
    },

    summarize: ({ service }, changes) => {
      const lines = Object.entries(changes).map(([container, change]) => `container ${container} ${change}`);
      return lines.length === 0 ? undefined : `${service}: ${lines.join("; ")}`;
    },

    async apply(inputs) {
      const { service, name, existing } = inputs;
      const place = placeOf(inputs);
      const { holder, createdBy } = await place.look();
      if (holder === "rollback script") {
        await place.removeRolledBack();
        return `${service}: the container of its rollback script is removed`;
      }
      if (holder === "other" && existing === "refuse") {
        throw new Error(
          `${service}: the container ${name} exists now and was not created by this stack (${createdBy})`,
        );
      }
      await place.setAside();
      if (holder !== "other") return undefined;
      setAside.add(service);
      return `${service}: the previous container is stopped and kept as ${place.asideName}`;
    },

    async remove(inputs) {
      await placeOf(inputs).bringBack();
    },
  };
}

function placeOf({ dockerHost, name, service, stack }: Inputs): ContainerPlace {
  return new ContainerPlace(dockerHost, { name, service, stack });
}
