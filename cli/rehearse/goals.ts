import { rehearsedRoles } from "../../model/rehearsal.ts";
import type { Stack } from "../../model/stack.ts";
import type { RehearsalGoal } from "../../provider/rehearsal/goal.ts";

/** What an up would make of each database. */
export function rehearsalGoals({ databases, roles }: Pick<Stack, "databases" | "roles">): RehearsalGoal[] {
  return Object.entries(databases).map(([database, { schemas, owner, keepOwner, alsoOwn }]) => ({
    database,
    schemas,
    owner,
    keepOwner,
    alsoOwn,
    roles: rehearsedRoles(roles, database),
  }));
}
