import { readAfterUp } from "./after-up.ts";
import type { OwnershipFacts } from "./ownership-facts.ts";
import { isSuperuser, rightsOf } from "./roles.ts";
import { readRoutines } from "./routines.ts";
import type { WarningKind } from "./warning.ts";

/** SECURITY DEFINER routines that ran as a superuser, or another role, before the stack came, and then run as the new owner. */
export const definerRoutines: WarningKind<OwnershipFacts> = {
  name: "SECURITY DEFINER routines that lose their owner's rights",
  async find(db, facts, reads) {
    const after = await readAfterUp(db, facts, reads);
    return (await reads.once(db, readRoutines)).flatMap(({ name, owner, securityDefiner }) => {
      const [former, next] = [after.formerOwnerOf(name, owner), after.ownerOf(name, owner)];
      const wasSuperuser = isSuperuser(after.roles, former);
      // A member of a superuser has its grants, not its attribute.
      const keepsRights = next === former || (!wasSuperuser && rightsOf(after.roles, next).has(former));
      if (!securityDefiner || keepsRights || isSuperuser(after.roles, next)) return [];
      return [
        {
          object: name,
          what: `SECURITY DEFINER: with ${next} as its owner it runs with the rights of ${next} alone, no longer with those of ${wasSuperuser ? `the superuser ${former}` : former}`,
          remedy: `see that ${next} may do all it does, or keep it with ${former} (keepOwner)`,
        },
      ];
    });
  },
};
