import { type Heir, readHeirs } from "../postgres/heirs.ts";
import { quoted } from "../postgres/names.ts";
import { type AfterUp, readAfterUp } from "./after-up.ts";
import type { OwnershipFacts } from "./facts.ts";
import { readSchemas } from "./ledgers.ts";
import { isSuperuser, rolesOf } from "./roles.ts";
import type { Warning, WarningKind } from "./warning.ts";

/**
 * Partitions and inheritance children of the owner's tables that stay with another role, or whose schema the owner cannot create
 * in: ALTER TABLE recurses to all of them, and CREATE INDEX creates an index in each partition's schema.
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
  return isSuperuser(roles, facts.owner) || rolesOf(roles, facts.owner).has(owner);
}

/** For a child several levels down, only its topmost parent. */
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
    what: `${isPartition ? "a partition" : "an inheritance child"} of ${parent}, which ${facts.owner} will own, stays with ${after.ownerOf(name, owner)}: ALTER TABLE ${parent} ADD COLUMN, and every other change that recurses to it, fails with "must be owner of table"`,
    remedy: inside
      ? `remove it from ${config}.keepOwner`
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
        what: `holds partitions of ${parents.join(", ")}, and ${facts.owner} cannot create objects in it: CREATE INDEX on the partitioned table fails with "permission denied for schema"`,
        remedy: `add ${name} to app-roles:databases.${facts.database}.schemas, or app-roles:roles.${facts.owner}.grants.${facts.database}.schemas: {${quoted(name)}: [USAGE, CREATE]}`,
      };
    });
}
