import type { Activity } from "../activity.ts";
import { type DatabaseEstate, managedSchemas } from "../estate.ts";
import { type Decide, isOwner, listOf, type ProposedConfig, type WithRole } from "./config.ts";

export function databasesOf(
  estates: DatabaseEstate[],
  services: WithRole[],
  activity: Map<string, Activity>,
  decide: Decide,
): ProposedConfig["databases"] {
  return Object.fromEntries(
    estates.map((estate) => {
      const here = services.filter(({ seen }) => seen.database === estate.name);
      const owner = here.find(isOwner)?.role;
      const path = ["databases", estate.name];
      const changed = activity.get(estate.name)?.changed ?? [];
      if (owner === undefined) {
        const names = here.filter(({ need }) => need.migrates === "unconfirmed").map(({ seen }) => seen.name);
        const seen =
          changed.length > 0
            ? ` During the watch ${changed.map(({ name, what }) => `${name} was ${what}`).join(", ")}.`
            : "";
        const ledgers = estate.ledgers.map(({ key }) => key).join(", ");
        const ledger = ledgers === "" ? "" : ` ${ledgers} is a migration ledger, so one of its services migrates.`;
        if (names.length > 0) {
          decide(
            path,
            `No owner yet: it is not confirmed whether ${listOf(names)} ${names.length > 1 ? "migrate" : "migrates"}.${ledger}${seen} A service that migrates must log in as the owner.`,
          );
        }
        return [estate.name, { schemas: managedSchemas(estate) }];
      }
      const keepOwner = keptOwners(estate);
      const alsoOwn = alsoOwned(estate, here);
      if (Object.keys(keepOwner).length > 0) {
        decide([...path, "keepOwner"], "These objects have an owner of their own, which keeps them.");
      }
      return [
        estate.name,
        {
          schemas: managedSchemas(estate),
          owner,
          ...(Object.keys(keepOwner).length > 0 && { keepOwner }),
          ...(alsoOwn.length > 0 && { alsoOwn }),
        },
      ];
    }),
  );
}

/** Objects of other roles than superusers; a pattern if they are all that a schema has. */
function keptOwners(estate: DatabaseEstate): Record<string, string> {
  const schemas = managedSchemas(estate);
  const kept = estate.objects.filter(({ schema, isSuperusers }) => schemas.includes(schema) && !isSuperusers);
  return Object.fromEntries(
    kept.map(({ key, owner }) => [key, owner] as const).toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
}

function alsoOwned(estate: DatabaseEstate, services: WithRole[]): string[] {
  const named = services.filter(isOwner).flatMap(({ need }) => need.alsoOwn);
  return [...new Set([...ledgersOutside(estate).map(({ key }) => key), ...named])].toSorted();
}

export function ledgersOutside(estate: DatabaseEstate): DatabaseEstate["ledgers"] {
  const schemas = managedSchemas(estate);
  return estate.ledgers.filter(({ schema, isSuperusers }) => isSuperusers && !schemas.includes(schema));
}
