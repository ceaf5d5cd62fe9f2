import { escapeIdentifier } from "pg";
import { listOf } from "../postgres/explain.ts";
import type { Unreachable } from "../postgres/membership.ts";
import type { Place, PrivilegePlan } from "../privileges/plan.ts";
import { privilegeStatements } from "../privileges/statements.ts";
import { describePrivileges } from "../privileges/words.ts";
import { describe, type Move, ownerStatement } from "./moves.ts";

/** Statements in a message; further ones are only counted. */
const statementsNamed = 5;

/** Failures for moves from or to a superuser by a non-superuser admin, with the remedies. */
export function superusersMoveReason(database: string, { me, superusers }: Unreachable, moves: Move[]): string[] {
  return moves
    .filter(({ object, to }) => superusers.has(object.owner) || superusers.has(to))
    .map((move) => {
      const { object, to } = move;
      const toSuperuser = superusers.has(to) && !superusers.has(object.owner);
      const statement = ownerStatement(object, toSuperuser ? to : me);
      const keep = `app-roles:databases.${database}.keepOwner: {${JSON.stringify(object.key)}: ${object.owner}}`;
      return (
        `${object.key}: ${me} is not a superuser and cannot change ${describe(move)}, because ${toSuperuser ? to : object.owner} is one. ` +
        `Keep its owner (${keep}), or let a superuser run ${statement}`
      );
    });
}

/** Splits a plan into changes that the admin can make and changes on objects of superusers. */
export function withoutSuperusers(
  plan: PrivilegePlan,
  { superusers }: Unreachable,
): { within: PrivilegePlan; beyond: PrivilegePlan } {
  const isBeyond = ({ place }: { place: Place }) => superusers.has(ownerOf(place)) && !isContainer(place);
  const isWithin = (one: { place: Place }) => !isBeyond(one);
  const within = {
    wanted: plan.wanted.filter(isWithin),
    grants: plan.grants.filter(isWithin),
    revokes: plan.revokes.filter(isWithin),
    restores: plan.restores.filter(({ object }) => !superusers.has(object.owner)),
    byHand: plan.byHand,
  };
  const beyond = {
    wanted: [],
    grants: plan.grants.filter(isBeyond),
    revokes: plan.revokes.filter(isBeyond),
    restores: [],
    byHand: [],
  };
  return { within, beyond };
}

/** Failures, not warnings: without privileges on the schema or database a role can do nothing in it. */
function isContainer(place: Place): boolean {
  return "object" in place && (place.object.kind === "schema" || place.object.kind === "database");
}

/** Failures for a plan whose schema or database belongs to a superuser. */
export function superusersContainerReasons(
  plan: PrivilegePlan,
  role: string,
  { me, superusers }: Unreachable,
): string[] {
  const places = [...plan.grants, ...plan.revokes].map(({ place }) => place);
  const found = new Map(
    places.flatMap((place): [string, string][] => {
      if (!("object" in place) || !isContainer(place) || !superusers.has(place.object.owner)) return [];
      const { owner, target } = place.object;
      const statement = `ALTER ${target.keyword} ${target.name} OWNER TO ${escapeIdentifier(me)}`;
      return [
        [
          place.key,
          `${place.key}: ${me} cannot grant ${role} its privileges there: it belongs to ${owner}, a superuser. Let a superuser run ${statement}`,
        ],
      ];
    }),
  );
  return [...found.values()];
}

/** The warning about changes that are not made. */
export function superusersPrivilegesWarning(
  beyond: PrivilegePlan,
  role: string,
  { me, superusers }: Unreachable,
): string[] {
  const keys = Object.keys(describePrivileges(beyond));
  if (keys.length === 0) return [];
  const owners = [...superusers].sort().join(", ");
  const statements = privilegeStatements(beyond, role).map(({ sql }) => sql);
  const more = statements.length > statementsNamed ? `; and ${statements.length - statementsNamed} more` : "";
  return [
    `${listOf(keys)}: ${keys.length === 1 ? "belongs" : "belong"} to ${owners}, and only a superuser can grant privileges there: this up grants ${role} none. ` +
      `Remedy: once ${role} exists, let a superuser run ${statements.slice(0, statementsNamed).join("; ")}${more}; or ALTER ... OWNER TO ${escapeIdentifier(me)}`,
  ];
}

function ownerOf(place: Place): string {
  return "object" in place ? place.object.owner : place.future.creator;
}
