import type { Grants } from "../../model/grants.ts";
import type { Access } from "../../model/stack.ts";
import { privilegesOn, privilegesOnFuture } from "./access-levels.ts";
import { grantedOn } from "./explicit-grants.ts";
import { type DefaultPrivilege, type FutureKind, futureKinds, type GrantableObject, type Held } from "./table.ts";

/** The declared privileges of one role in one database. */
export interface PrivilegeGoal {
  role: string;
  /** Undefined: explicit grants only. */
  access?: Access | undefined;
  schemas: string[];
  /** Explicit grants, in addition to the access level. */
  grants?: Grants | undefined;
  /** Whether privileges that were granted by hand are revoked. Default: false. */
  exclusive?: boolean | undefined;
  /** Roles whose future objects get default privileges, in addition to the current owners of objects in the schemas. */
  creators: string[];
}

/** A privilege of the baseline, which is never revoked. */
export interface BaselinePrivilege {
  /** Key of the object, `tickets.t9`, or of the default privileges, `default privileges of postgres in tickets`. */
  object: string;
  /** `SELECT`; for a default privilege with the kind of object: `SELECT on tables`. */
  privilege: string;
  grantable: boolean;
}

/** The current privileges of one role. */
export interface PrivilegeCatalog {
  objects: GrantableObject[];
  defaults: DefaultPrivilege[];
}

/** An object, or the future objects of a creator in a schema. */
export type Place =
  | { key: string; object: GrantableObject }
  | { key: string; future: { creator: string; schema: string; on: FutureKind } };

export interface PrivilegePlan {
  /** All declared privileges, for the counts in the summary. */
  wanted: { place: Place; privileges: string[] }[];
  grants: { place: Place; privileges: string[] }[];
  /** Privileges of the previous goal that are not declared now; of an exclusive goal also those granted by hand. */
  revokes: { place: Place; held: Held[] }[];
  /** Column privileges that Postgres revokes with the table's (see REVOKE), to be granted again. */
  restores: { object: GrantableObject; held: Held[] }[];
  /** Privileges that were granted by hand. */
  byHand: { place: Place; held: Held[] }[];
}

/**
 * The difference between `goal` and the privileges that the role holds. Only privileges of `previous`, the goal of the last up,
 * are revoked: all of them without a `goal`. Privileges of the baseline are not revoked and do not count as granted by hand.
 */
export function planPrivileges(
  catalog: PrivilegeCatalog,
  goal: PrivilegeGoal | undefined,
  previous: PrivilegeGoal | undefined,
  baseline: BaselinePrivilege[],
): PrivilegePlan {
  const plan: PrivilegePlan = { wanted: [], grants: [], revokes: [], restores: [], byHand: [] };
  const inBaseline = new Set(baseline.map(({ object, privilege }) => JSON.stringify([object, privilege])));
  const role = (goal ?? previous)?.role;
  const undeclared = goal?.exclusive ? "revoke" : "by hand";

  for (const object of catalog.objects) {
    const place = { key: object.key, object };
    const surplus = compare(plan, place, object.held, wantedOn(goal, object));
    // Ownership manages the owner's own entries.
    if (object.owner === role) continue;
    const granted = wantedOn(previous, object);
    sortOut(plan, place, surplus, inBaseline, ({ privilege }) => (granted.includes(privilege) ? "revoke" : undeclared));
  }

  const creators = creatorsOf(goal, catalog.objects);
  for (const { place, held } of futurePlaces(goal, creators, catalog.defaults)) {
    const { creator, schema, on } = place.future;
    const level = wantedInFuture(goal, schema, on);
    const surplus = compare(plan, place, held, creators.includes(creator) ? level : []);
    if (creator === role) continue;
    const granted = wantedInFuture(previous, schema, on);
    sortOut(plan, place, surplus, inBaseline, ({ privilege }) => {
      // The creator owned objects in an earlier up and owns none now: revoked with the resource.
      if (level.includes(privilege) && !previous?.creators.includes(creator)) return "leave";
      return granted.includes(privilege) ? "revoke" : undeclared;
    });
  }
  plan.restores = revokedColumns(plan, catalog.objects);
  return plan;
}

function revokedColumns({ grants, revokes }: PrivilegePlan, objects: GrantableObject[]): PrivilegePlan["restores"] {
  const revokedOnTables = new Map(
    revokes.flatMap(({ place, held }): [string, Set<string>][] =>
      "object" in place && place.object.kind !== "column"
        ? [[place.object.target.name, new Set(held.map(({ privilege }) => privilege))]]
        : [],
    ),
  );
  const revoked = new Set(
    revokes.flatMap(({ place, held }) => held.map(({ privilege }) => JSON.stringify([place.key, privilege]))),
  );
  const planned = new Map(grants.map(({ place, privileges }) => [place.key, privileges]));
  return objects.flatMap((object) => {
    if (object.kind !== "column") return [];
    const granted = (planned.get(object.key) ?? []).map((privilege) => ({
      privilege,
      grantor: object.owner,
      grantable: false,
    }));
    const held = [...object.held, ...granted].filter(
      ({ privilege }) =>
        revokedOnTables.get(object.target.name)?.has(privilege) &&
        !revoked.has(JSON.stringify([object.key, privilege])),
    );
    return held.length > 0 ? [{ object, held }] : [];
  });
}

function wantedOn(goal: PrivilegeGoal | undefined, object: GrantableObject): string[] {
  if (!goal) return [];
  const isManaged = object.kind === "database" || goal.schemas.includes(object.schema);
  const byLevel = isManaged ? privilegesOn(goal.access, object) : [];
  return [...new Set([...byLevel, ...grantedOn(goal.grants, object)])];
}

function wantedInFuture(goal: PrivilegeGoal | undefined, schema: string, on: FutureKind): string[] {
  return goal?.access && goal.schemas.includes(schema) ? privilegesOnFuture(goal.access, on) : [];
}

/** The goal's creators and every role that owns an object in its schemas, without the role itself. */
function creatorsOf(goal: PrivilegeGoal | undefined, objects: GrantableObject[]): string[] {
  if (!goal) return [];
  const owners = objects
    .filter(({ kind, schema }) => kind !== "database" && kind !== "schema" && goal.schemas.includes(schema))
    .map(({ owner }) => owner);
  return [...new Set([...goal.creators, ...owners])].filter((creator) => creator !== goal.role).sort();
}

function futurePlaces(
  goal: PrivilegeGoal | undefined,
  creators: string[],
  defaults: DefaultPrivilege[],
): { place: Extract<Place, { future: object }>; held: Held[] }[] {
  const places = new Map<string, { place: Extract<Place, { future: object }>; held: Held[] }>();
  const add = (creator: string, schema: string, on: FutureKind, held: Held[]) => {
    const key = `default privileges of ${creator} in ${schema}`;
    places.set(JSON.stringify([creator, schema, on]), { place: { key, future: { creator, schema, on } }, held });
  };
  for (const creator of creators) {
    for (const schema of goal?.schemas ?? []) {
      for (const on of futureKinds) add(creator, schema, on, []);
    }
  }
  for (const { creator, schema, on, held } of defaults) add(creator, schema, on, held);
  return [...places.values()];
}

/** Adds wanted and missing privileges to the plan; returns those held but not wanted. */
function compare(plan: PrivilegePlan, place: Place, held: Held[], wanted: string[]): Held[] {
  if (wanted.length > 0) plan.wanted.push({ place, privileges: wanted });
  const missing = wanted.filter((privilege) => !held.some((one) => one.privilege === privilege));
  if (missing.length > 0) plan.grants.push({ place, privileges: missing });
  return held.filter(({ privilege }) => !wanted.includes(privilege));
}

function sortOut(
  plan: PrivilegePlan,
  place: Place,
  surplus: Held[],
  inBaseline: Set<string>,
  actionFor: (held: Held) => "revoke" | "by hand" | "leave",
): void {
  const others = surplus.filter(
    ({ privilege }) => !inBaseline.has(JSON.stringify([place.key, privilegeName(place, privilege)])),
  );
  const revoked = others.filter((held) => actionFor(held) === "revoke");
  const byHand = others.filter((held) => actionFor(held) === "by hand");
  if (revoked.length > 0) plan.revokes.push({ place, held: revoked });
  if (byHand.length > 0) plan.byHand.push({ place, held: byHand });
}

/** `SELECT` on an object, `SELECT on tables` for future ones. */
export function privilegeName(place: Place, privilege: string): string {
  return "future" in place ? `${privilege} on ${place.future.on.toLowerCase()}` : privilege;
}
