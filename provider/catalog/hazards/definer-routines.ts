import { afterMove, type OwnershipFacts } from "./after.ts";
import type { HazardKind } from "./hazard.ts";
import { isSuperuser, readRoles } from "./roles.ts";
import { readRoutines } from "./routines.ts";

/** SECURITY DEFINER routines that run as a superuser for whoever calls them, and will run as the new owner. */
export const definerRoutines: HazardKind<OwnershipFacts> = {
  name: "SECURITY DEFINER routines that lose a superuser's rights",
  async find(db, facts, reads) {
    const roles = await reads.once(db, readRoles);
    const after = afterMove(facts);
    return (await reads.once(db, readRoutines)).flatMap(({ name, owner, securityDefiner }) => {
      const next = after.ownerOf(name, owner);
      if (!securityDefiner || !isSuperuser(roles, owner) || isSuperuser(roles, next)) return [];
      return [
        {
          object: name,
          what: `SECURITY DEFINER: today it runs as the superuser ${owner} for whoever calls it, once moved with the rights of ${next} alone`,
          remedy: `see that ${next} may do all it does, or keep it with ${owner} (keepOwner)`,
        },
      ];
    });
  },
};
