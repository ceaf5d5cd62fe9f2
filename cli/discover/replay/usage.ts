import type { Queryable } from "../../../provider/postgres/connection.ts";
import { privilegesOn } from "../../../provider/privileges/access-levels.ts";
import { schemasIn, withColumns } from "../../../provider/privileges/explicit-grants.ts";
import { planPrivileges } from "../../../provider/privileges/plan.ts";
import { type Grantable, privilegesOf, readPrivilegeTable } from "../../../provider/privileges/table.ts";
import type { RehearsalGoal } from "../../../provider/rehearsal/goal.ts";
import type { Usage, Use } from "../evidence.ts";

/** The table privileges that the goal grants to the role, and which of them its statements used. */
export async function usageOf(db: Queryable, goal: RehearsalGoal, role: string, uses: Use[]): Promise<Usage> {
  const { access, grants } = goal.roles.find((each) => each.role === role) ?? {};
  const table = await readPrivilegeTable(db, [...new Set([...goal.schemas, ...schemasIn(grants)])]);
  const objects = await withColumns(db, grants, privilegesOf(table, role));
  const wanted = { role, access, grants, schemas: goal.schemas, creators: [] };
  const plan = planPrivileges({ objects, defaults: [] }, wanted, undefined, []);
  const usage: Usage = { role, used: 0, granted: 0, extra: [] };
  for (const { place, privileges } of plan.wanted) {
    if (!("object" in place) || place.object.target.keyword !== "TABLE") continue;
    const { object } = place;
    const implied = goal.schemas.includes(object.schema) ? privilegesOn(access, object) : [];
    for (const privilege of privileges) {
      const isUsed = uses.some((use) => use.privilege === privilege && isOn(use, object));
      usage.granted++;
      if (isUsed) usage.used++;
      else if (!implied.includes(privilege)) usage.extra.push(`${privilege} on ${object.key}`);
    }
  }
  return usage;
}

function isOn({ kind, schema, name, columns }: Use, object: Grantable): boolean {
  if (kind !== "table" || schema !== object.schema || name !== object.name) return false;
  return object.column === undefined || columns === undefined || columns.includes(object.column);
}
