import { escapeIdentifier } from "pg";
import type { Snapshot } from "../baseline/contract.ts";
import { isMatched, isNamed, splitName } from "../postgres/names.ts";
import { type Installation, jobOwnerStatements } from "../postgres/timescale.ts";
import { type OwnedObject, PreviousNames } from "./objects.ts";
import { keptAccess, type MovePrivilege, restoredPrivileges } from "./privileges-after-move.ts";

/** The declared owners in one database (app-roles:databases). */
export interface OwnershipGoal {
  owner: string;
  schemas: string[];
  /** Object (`reporting.v_trips`) or pattern (`reporting.v_*`) to the role that stays its owner. */
  keepOwner: Record<string, string>;
  /** Single objects outside the schemas, such as a migration ledger. */
  alsoOwn: string[];
  /** The roles that this stack creates; their privileges are declared. */
  roles: string[];
}

/** A change of owner of one object and its jobs, in its own transaction. */
export interface Move {
  object: OwnedObject;
  to: string;
  /** Grants and revokes in the same transaction, after the change of owner. */
  privileges: MovePrivilege[];
}

/** The schemas that contain the goal's objects. */
export function schemasOf(goal: OwnershipGoal): string[] {
  const outside = goal.alsoOwn.map((name) => splitName(name)?.schema ?? name);
  return [...new Set([...goal.schemas, ...outside])];
}

/** Names in keepOwner and alsoOwn that match no existing object. */
export function unknownNames(goal: OwnershipGoal, objects: OwnedObject[]): string[] {
  return [...Object.keys(goal.keepOwner), ...goal.alsoOwn].filter(
    (name) => !objects.some((object) => isNamed(name, object) || (name in goal.keepOwner && isMatched(name, object))),
  );
}

/** The declared owner of an object; undefined if the goal does not include the object. */
export function ownerFor(goal: OwnershipGoal, object: OwnedObject): string | undefined {
  if (goal.alsoOwn.some((name) => isNamed(name, object))) return goal.owner;
  if (!goal.schemas.includes(object.schema)) return undefined;
  return keeperOf(goal.keepOwner, object) ?? goal.owner;
}

/** An exact name wins over patterns, and the longest pattern over others. The order is lost: Pulumi sorts the keys. */
function keeperOf(keepOwner: OwnershipGoal["keepOwner"], object: OwnedObject): string | undefined {
  const names = Object.keys(keepOwner);
  const patterns = names
    .filter((name) => isMatched(name, object))
    .sort((a, b) => b.length - a.length || (a < b ? -1 : 1));
  const name = names.find((one) => isNamed(one, object)) ?? patterns[0];
  return name === undefined ? undefined : keepOwner[name];
}

/** The moves to reach the goal, tables before the views that read them; empty if nothing is to be changed. */
export function movesTowards(goal: OwnershipGoal, objects: OwnedObject[]): Move[] {
  return objects
    .flatMap((object) => {
      const to = ownerFor(goal, object);
      if (to === undefined || isAt(object, to)) return [];
      return [{ object, to, privileges: keepsAccess(goal, object, to) ? keptAccess(object) : [] }];
    })
    .sort((a, b) => orderOf(a.object) - orderOf(b.object));
}

/** A superuser needs no grant, and the privileges of the stack's roles are declared. */
function keepsAccess(goal: OwnershipGoal, object: OwnedObject, to: string): boolean {
  return object.owner !== to && !object.isSuperusers && !goal.roles.includes(object.owner);
}

/**
 * The moves that restore owners from the baseline, views before the tables that they read. Recorded objects get their previous
 * owner and privileges; objects that the role created itself get the owner `heir`.
 */
export function restoringMoves(
  goal: OwnershipGoal,
  objects: OwnedObject[],
  baseline: Pick<Snapshot, "owners" | "acls" | "columnAcls" | "ids">,
  heir: string,
): Move[] {
  const names = new PreviousNames(baseline);
  return objects
    .filter((object) => object.owner === goal.owner || object.jobs.some((job) => job.owner === goal.owner))
    .map((object) => {
      const name = names.of(object);
      const recorded = name === undefined ? undefined : baseline.owners[name];
      const sequences = new Map(object.sequences.map((one) => [one.identity, names.ofSequence(one)]));
      const nameOf = (key: string) => (key === object.key ? (name ?? key) : (sequences.get(key) ?? key));
      const isMerged = recorded !== undefined && recorded !== object.owner && object.owner === goal.owner;
      const privileges = isMerged ? restoredPrivileges(object, baseline, recorded, nameOf) : [];
      return { object, to: recorded ?? heir, privileges };
    })
    .filter(({ object, to }) => !isAt(object, to))
    .sort((a, b) => orderOf(b.object) - orderOf(a.object));
}

/** A view whose owner cannot read its tables fails for every role, so it moves after them. */
function orderOf(object: OwnedObject): number {
  return object.depth;
}

function isAt(object: OwnedObject, owner: string): boolean {
  return object.owner === owner && object.jobs.every((job) => job.owner === owner);
}

/**
 * Whether only a superuser can make the move: chunks are in a schema of TimescaleDB, in which the new owner would need CREATE,
 * and only a superuser can update the table of jobs.
 */
export function isSuperusersMove({ object, to }: Move): boolean {
  return object.timescale !== undefined || object.jobs.some(({ owner }) => owner !== to);
}

/** The plan's line: `owner postgres -> tracksolid_owner, jobs 1000 and 1001 with it`. */
export function describe({ object, to, privileges }: Move): string {
  const jobs = object.jobs.filter((job) => job.owner !== to).map((job) => job.id);
  const jobText = jobs.length === 0 ? undefined : `${jobs.length === 1 ? "job" : "jobs"} ${jobs.join(", ")} -> ${to}`;
  const ownerText = object.owner === to ? undefined : `owner ${object.owner} -> ${to}`;
  const kind = object.timescale && ownerText ? ` (${object.timescale})` : "";
  const keptText = privileges.length > 0 ? `${object.owner} keeps its privileges` : undefined;
  return [ownerText && ownerText + kind, jobText, keptText].filter((text) => text !== undefined).join(", ");
}

/** The statements of one move, for one transaction. */
export function statements({ object, to, privileges }: Move, timescale: Installation | undefined): string[] {
  const alter = object.owner === to ? [] : [ownerStatement(object, to)];
  const jobs = object.jobs.filter((job) => job.owner !== to).map((job) => job.id);
  return [
    ...alter,
    ...privileges.flatMap(({ sql, as }) =>
      as === undefined ? [sql] : [`SET LOCAL ROLE ${escapeIdentifier(as)}`, sql, "SET LOCAL ROLE NONE"],
    ),
    ...(jobs.length > 0 && timescale ? jobOwnerStatements(timescale, jobs, to) : []),
  ];
}

/** `ALTER TABLE app.orders OWNER TO "shop_owner"`. */
export function ownerStatement(object: OwnedObject, to: string): string {
  return `ALTER ${keyword(object)} ${object.identity} OWNER TO ${escapeIdentifier(to)}`;
}

/** Keyword after ALTER: usually the name of the type. */
function keyword(object: OwnedObject): string {
  // A continuous aggregate is a view to Postgres; only this form also alters its internal hypertable.
  if (object.timescale === "continuous aggregate") return "MATERIALIZED VIEW";
  // ROUTINE accepts the argument types as pg_identify_object prints them, for every kind of aggregate.
  if (object.type === "function" || object.type === "procedure" || object.type === "aggregate") return "ROUTINE";
  if (object.type === "statistics object") return "STATISTICS";
  return object.type.toUpperCase();
}
