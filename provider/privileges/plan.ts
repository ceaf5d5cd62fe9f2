import type { Grants } from "../../model/grants.ts";
import type { Access } from "../../model/stack.ts";
import { privilegesOn, privilegesOnFuture } from "./access-levels.ts";
import { type DefaultPrivilege, type FutureKind, futureKinds } from "./default-privileges.ts";
import { grantedOn } from "./explicit-grants.ts";
import type { GrantableObject, Held } from "./table.ts";

/** What one role shall hold in one database. */
export interface PrivilegeGoal {
  role: string;
  /** Undefined: explicit grants alone. */
  access?: Access | undefined;
  schemas: string[];
  /** Privileges by name, beyond the access level and the schemas. */
  grants?: Grants | undefined;
  /** Whether what was granted by hand is taken back. Default false. */
  exclusive?: boolean | undefined;
  /** Roles whose future objects get default privileges; every role that owns an object there now is one too. */
  creators: string[];
}

/** A privilege that the role held before the stack came: it stays whatever the goal says. */
export interface HeldBefore {
  /** Key of the object, `tickets.t9`, or of the default privileges, `default privileges of postgres in tickets`. */
  object: string;
  /** SQL's name; for a default privilege with its kind: `SELECT on tables`. */
  privilege: string;
  grantable: boolean;
}

/** What is there now, for one role. */
export interface PrivilegeCatalog {
  objects: GrantableObject[];
  defaults: DefaultPrivilege[];
}

/** Where privileges are held: an object, or the future objects of a creator in a schema. */
export type Place =
  | { key: string; object: GrantableObject }
  | { key: string; future: { creator: string; schema: string; on: FutureKind } };

export interface PrivilegePlan {
  /** All the goal wants, held or not: what the summary counts. */
  wanted: { place: Place; privileges: string[] }[];
  grants: { place: Place; privileges: string[] }[];
  /** What an earlier goal gave and this one does not; of an exclusive goal what was granted by hand, too. */
  revokes: { place: Place; held: Held[] }[];
  /** Column privileges that Postgres takes along with the table's (see REVOKE), to be given back. */
  restores: { object: GrantableObject; held: Held[] }[];
  /** What the role holds by nobody's declaration. */
  byHand: { place: Place; held: Held[] }[];
}

/**
 * The difference between what `goal` wants and what the role holds. Only what `former` (the goal of the last up) gave is
 * revoked; without `goal` that is all of it. What was held before the stack came is neither revoked nor called done by
 * hand.
 */
export function planPrivileges(
  catalog: PrivilegeCatalog,
  goal: PrivilegeGoal | undefined,
  former: PrivilegeGoal | undefined,
  before: HeldBefore[],
): PrivilegePlan {
  const plan: PrivilegePlan = { wanted: [], grants: [], revokes: [], restores: [], byHand: [] };
  const heldBefore = new Set(before.map(({ object, privilege }) => JSON.stringify([object, privilege])));
  const role = (goal ?? former)?.role;
  const beyond = goal?.exclusive ? "revoke" : "by hand";

  for (const object of catalog.objects) {
    const place = { key: object.key, object };
    const surplus = compare(plan, place, object.held, wantedOn(goal, object));
    // An owner's own entry belongs to ownership.
    if (object.owner === role) continue;
    const given = wantedOn(former, object);
    sortOut(plan, place, surplus, heldBefore, ({ privilege }) => (given.includes(privilege) ? "revoke" : beyond));
  }

  const creators = creatorsOf(goal, catalog.objects);
  for (const { place, held } of futurePlaces(goal, creators, catalog.defaults)) {
    const { creator, schema, on } = place.future;
    const level = wantedInFuture(goal, schema, on);
    const surplus = compare(plan, place, held, creators.includes(creator) ? level : []);
    if (creator === role) continue;
    const given = wantedInFuture(former, schema, on);
    sortOut(plan, place, surplus, heldBefore, ({ privilege }) => {
      // A creator that was found in the catalog once and owns nothing there now: harmless, and ours to revoke at the end.
      if (level.includes(privilege) && !former?.creators.includes(creator)) return "leave";
      return given.includes(privilege) ? "revoke" : beyond;
    });
  }
  plan.restores = columnsTakenAlong(plan, catalog.objects);
  return plan;
}

function columnsTakenAlong({ grants, revokes }: PrivilegePlan, objects: GrantableObject[]): PrivilegePlan["restores"] {
  const taken = new Map(
    revokes.flatMap(({ place, held }): [string, Set<string>][] =>
      "object" in place && place.object.kind !== "column"
        ? [[place.object.target.name, new Set(held.map(({ privilege }) => privilege))]]
        : [],
    ),
  );
  const goes = new Set(
    revokes.flatMap(({ place, held }) => held.map(({ privilege }) => JSON.stringify([place.key, privilege]))),
  );
  const comes = new Map(grants.map(({ place, privileges }) => [place.key, privileges]));
  return objects.flatMap((object) => {
    if (object.kind !== "column") return [];
    const given = (comes.get(object.key) ?? []).map((privilege) => ({
      privilege,
      grantor: object.owner,
      grantable: false,
    }));
    const held = [...object.held, ...given].filter(
      ({ privilege }) =>
        taken.get(object.target.name)?.has(privilege) && !goes.has(JSON.stringify([object.key, privilege])),
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

/** Notes what is wanted and what of it is missing; returns what is held beyond it. */
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
  heldBefore: Set<string>,
  fate: (held: Held) => "revoke" | "by hand" | "leave",
): void {
  const others = surplus.filter(
    ({ privilege }) => !heldBefore.has(JSON.stringify([place.key, privilegeName(place, privilege)])),
  );
  const revoked = others.filter((held) => fate(held) === "revoke");
  const byHand = others.filter((held) => fate(held) === "by hand");
  if (revoked.length > 0) plan.revokes.push({ place, held: revoked });
  if (byHand.length > 0) plan.byHand.push({ place, held: byHand });
}

/** `SELECT` on an object, `SELECT on tables` for future ones. */
export function privilegeName(place: Place, privilege: string): string {
  return "future" in place ? `${privilege} on ${place.future.on.toLowerCase()}` : privilege;
}
