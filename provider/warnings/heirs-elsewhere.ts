import { type Heir, readHeirs } from "../postgres/heirs.ts";
import { type AfterUp, readAfterUp } from "./after-up.ts";
import { readSchemas } from "./ledgers.ts";
import type { OwnershipFacts } from "./ownership-facts.ts";
import { quoted } from "./quoted.ts";
import { isSuperuser, rightsOf } from "./roles.ts";
import type { Warning, WarningKind } from "./warning.ts";

/**
 * Partitions and inheritance children, of tables that the owner owns, that stay with another role or lie where the owner may
 * not create: an ALTER of the table reaches them all, and CREATE INDEX makes one in each partition's schema.
 */
export const strayedHeirs: WarningKind<OwnershipFacts> = {
  name: "partitions and inheritance children that do not follow their table",
  async find(db, facts, reads) {
    const after = await readAfterUp(db, facts, reads);
    const heirs = (await readHeirs(db, facts.schemas)).filter(
      ({ parent, parentOwner }) => after.ownerOf(parent, parentOwner) === facts.owner,
    );
    const strange = topmost(heirs).filter(({ name, owner }) => !isOwners(facts, after, after.ownerOf(name, owner)));
    const outside = heirs.filter(({ isPartition, schema }) => isPartition && !facts.schemas.includes(schema));
    return [...strange.map((heir) => notOwned(facts, after, heir)), ...(await notCreatable(db, facts, after, outside))];
  },
};

function isOwners(facts: OwnershipFacts, { roles }: AfterUp, owner: string): boolean {
  return isSuperuser(roles, facts.owner) || rightsOf(roles, facts.owner).has(owner);
}

/** Of an heir several levels down, the highest table alone. */
function topmost(heirs: Heir[]): Heir[] {
  const below = Map.groupBy(heirs, ({ name }) => name);
  return heirs.filter(({ name, parent }) => {
    const above = new Set((below.get(parent) ?? []).map((heir) => heir.parent));
    return !(below.get(name) ?? []).some((other) => above.has(other.parent));
  });
}

function notOwned(facts: OwnershipFacts, after: AfterUp, { name, schema, owner, parent, isPartition }: Heir): Warning {
  const config = `app-roles:databases.${facts.database}`;
  const inside = facts.schemas.includes(schema);
  return {
    object: name,
    what: `${isPartition ? "a partition" : "an inheritance child"} of ${parent}, which ${facts.owner} owns once all has moved, stays with ${after.ownerOf(name, owner)}: ALTER TABLE ${parent} ADD COLUMN, and whatever else reaches it, fails with "must be owner of table"`,
    remedy: inside
      ? `take it out of ${config}.keepOwner`
      : `add ${schema} to ${config}.schemas, or name it in ${config}.alsoOwn`,
  };
}

async function notCreatable(
  db: Parameters<typeof readSchemas>[0],
  facts: OwnershipFacts,
  after: AfterUp,
  heirs: Heir[],
): Promise<Warning[]> {
  const schemas = await readSchemas(db, [...new Set(heirs.map(({ schema }) => schema))]);
  return schemas
    .filter((schema) => !after.may(facts.owner, "CREATE", { ...schema, kind: "schema", schema: schema.name }))
    .map(({ name }) => {
      const parents = [...new Set(heirs.filter(({ schema }) => schema === name).map(({ parent }) => parent))];
      return {
        object: `schema ${quoted(name)}`,
        what: `holds partitions of ${parents.join(", ")}, and ${facts.owner} may not create in it: CREATE INDEX on the partitioned table fails with "permission denied for schema"`,
        remedy: `add ${name} to app-roles:databases.${facts.database}.schemas, or app-roles:roles.${facts.owner}.grants.${facts.database}.schemas: {${quoted(name)}: [USAGE, CREATE]}`,
      };
    });
}
