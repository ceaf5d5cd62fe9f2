import { type Grant, parseAcl } from "../acl.ts";
import type { OwnedObject } from "../objects.ts";
import { type OwnershipGoal, ownerFor } from "../ownership.ts";

/** What the hazards of a move are judged by. */
export interface OwnershipFacts extends OwnershipGoal {
  database: string;
  /** All roles that this stack makes. */
  roles: string[];
  /** All objects of the goal's schemas, as they are now. */
  objects: OwnedObject[];
  /** Object to the owner it had before the stack came; empty before the first up. */
  former: Record<string, string>;
  /** Users that services still log in as. */
  legacyUsers: string[];
}

/** Owners and privileges as they will be when everything has moved. */
export interface After {
  ownerOf(object: string, now: string): string;
  /**
   * ALTER ... OWNER TO makes what the old owner held the new one's (PostgreSQL's aclnewowner); one that is no superuser
   * is granted what it had (see keptAccess).
   */
  aclOf(object: string, owner: string, acl: string[]): Grant[];
}

export function afterMove(facts: OwnershipFacts): After {
  const owners = new Map(
    facts.objects.flatMap((object) => {
      const owner = ownerFor(facts, object);
      return owner === undefined ? [] : [[object.key, owner] as const];
    }),
  );
  const superusers = new Set(facts.objects.filter(({ isSuperusers }) => isSuperusers).map(({ key }) => key));
  const ownerOf = (object: string, now: string) => owners.get(object) ?? now;
  return {
    ownerOf,
    aclOf(object, owner, acl) {
      const keeps = !superusers.has(object) && !facts.roles.includes(owner);
      return parseAcl(acl).flatMap((grant) => {
        if (grant.grantee !== owner) return [grant];
        return [{ ...grant, grantee: ownerOf(object, owner) }, ...(keeps ? [grant] : [])];
      });
    },
  };
}
