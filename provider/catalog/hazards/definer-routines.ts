import { afterMove, type OwnershipFacts } from "./after.ts";
import type { HazardKind } from "./hazard.ts";
import { isSuperuser, readRoles, rightsOf } from "./roles.ts";
import { readRoutines } from "./routines.ts";

/** SECURITY DEFINER routines that run as a superuser, or another role, for whoever calls them, and will run as the new owner. */
export const definerRoutines: HazardKind<OwnershipFacts> = {
  name: "SECURITY DEFINER routines that lose their owner's rights",
  async find(db, facts, reads) {
    const roles = await reads.once(db, readRoles);
    const after = afterMove(facts);
    return (await reads.once(db, readRoutines)).flatMap(({ name, owner, securityDefiner }) => {
      const next = after.ownerOf(name, owner);
      const wasSuperuser = isSuperuser(roles, owner);
      // A member of a superuser has its grants, not its attribute.
      const keepsRights = next === owner || (!wasSuperuser && rightsOf(roles, next).has(owner));
      if (!securityDefiner || keepsRights || isSuperuser(roles, next)) return [];
      const now = wasSuperuser ? `the superuser ${owner}` : owner;
      return [
        {
          object: name,
          what: `SECURITY DEFINER: today it runs as ${now} for whoever calls it, once moved with the rights of ${next} alone`,
          remedy: `see that ${next} may do all it does, or keep it with ${owner} (keepOwner)`,
        },
      ];
    });
  },
};
