import { escapeIdentifier } from "pg";
import type { Snapshot } from "../baseline/contract.ts";
import { isMatched, isNamed, splitName } from "../postgres/names.ts";
import { type Installation, jobOwnerStatements } from "../postgres/timescale.ts";
import type { OwnedObject } from "./objects.ts";
import { PreviousNames } from "./previous-names.ts";
import { keptAccess, type MovePrivilege, restoredPrivileges } from "./privileges-after-move.ts";

/** Who shall own what in one database (app-roles:databases). */
export interface OwnershipGoal {
  owner: string;
  schemas: string[];
  /** Object (`reporting.v_trips`) or pattern (`reporting.v_*`) to the role it stays with. */
  keepOwner: Record<string, string>;
  /** Single objects outside the schemas, such as a migration ledger. */
  alsoOwn: string[];
  /** The roles this stack makes: what they may do is declared. */
  roles: string[];
}

/** One object, with its jobs, on its way to another owner: one transaction of its own. */
export interface Move {
  object: OwnedObject;
  to: string;
  /** Granted and revoked in the same transaction, after the owner has changed. */
  privileges: MovePrivilege[];
}

/** The schemas that must be read to know the goal's objects. */
export function schemasOf(goal: OwnershipGoal): string[] {
  const outside = goal.alsoOwn.map((name) => splitName(name)?.schema ?? name);
  return [...new Set([...goal.schemas, ...outside])];
}

/** Names in keepOwner and alsoOwn that mean no object there is now. */
export function unknownNames(goal: OwnershipGoal, objects: OwnedObject[]): string[] {
  return [...Object.keys(goal.keepOwner), ...goal.alsoOwn].filter(
    (name) => !objects.some((object) => isNamed(name, object) || (name in goal.keepOwner && isMatched(name, object))),
  );
}

/** The owner an object shall have; undefined when it is none of this goal's. */
export function ownerFor(goal: OwnershipGoal, object: OwnedObject): string | undefined {
  if (goal.alsoOwn.some((name) => isNamed(name, object))) return goal.owner;
  if (!goal.schemas.includes(object.schema)) return undefined;
  return keeperOf(goal.keepOwner, object) ?? goal.owner;
}

/** An exact name before any pattern, of patterns the longest; their order says nothing, for Pulumi sorts them. */
function keeperOf(keepOwner: OwnershipGoal["keepOwner"], object: OwnedObject): string | undefined {
  const names = Object.keys(keepOwner);
  const patterns = names
    .filter((name) => isMatched(name, object))
    .sort((a, b) => b.length - a.length || (a < b ? -1 : 1));
  const name = names.find((one) => isNamed(one, object)) ?? patterns[0];
  return name === undefined ? undefined : keepOwner[name];
}

/** What is to move, tables before what reads them. Nothing when all is in place. */
export function movesTowards(goal: OwnershipGoal, objects: OwnedObject[]): Move[] {
  return objects
    .flatMap((object) => {
      const to = ownerFor(goal, object);
      if (to === undefined || isAt(object, to)) return [];
      return [{ object, to, privileges: keepsAccess(goal, object, to) ? keptAccess(object) : [] }];
    })
    .sort((a, b) => orderOf(a.object) - orderOf(b.object));
}

/** A superuser needs no grant, and what a role of the stack may do is declared. */
function keepsAccess(goal: OwnershipGoal, object: OwnedObject, to: string): boolean {
  return object.owner !== to && !object.isSuperusers && !goal.roles.includes(object.owner);
}

/**
 * The way back, views before what they read: what was recorded goes to its former owner and has its former privileges,
 * what the role made itself since then goes to `heir`.
 */
export function movesBack(
  goal: OwnershipGoal,
  objects: OwnedObject[],
  former: Pick<Snapshot, "owners" | "acls" | "columnAcls" | "ids">,
  heir: string,
): Move[] {
  const names = new PreviousNames(former);
  return objects
    .filter((object) => object.owner === goal.owner || object.jobs.some((job) => job.owner === goal.owner))
    .map((object) => {
      const name = names.of(object);
      const recorded = name === undefined ? undefined : former.owners[name];
      const sequences = new Map(object.sequences.map((one) => [one.identity, names.ofSequence(one)]));
      const nameOf = (key: string) => (key === object.key ? (name ?? key) : (sequences.get(key) ?? key));
      const isMerged = recorded !== undefined && recorded !== object.owner && object.owner === goal.owner;
      const privileges = isMerged ? restoredPrivileges(object, former, recorded, nameOf) : [];
      return { object, to: recorded ?? heir, privileges };
    })
    .filter(({ object, to }) => !isAt(object, to))
    .sort((a, b) => orderOf(b.object) - orderOf(a.object));
}

/** A view whose owner may not read what it selects from fails for everybody, so it moves after that. */
function orderOf(object: OwnedObject): number {
  return object.depth;
}

function isAt(object: OwnedObject, owner: string): boolean {
  return object.owner === owner && object.jobs.every((job) => job.owner === owner);
}

/**
 * Whether only a superuser can make the move: chunks lie in a schema of TimescaleDB's, where their new owner would have to be
 * allowed to create, and the table of jobs is not for others to write.
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

/** The statements of one move; they belong in one transaction. */
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

/** What follows ALTER: mostly the type's own name. */
function keyword(object: OwnedObject): string {
  // A continuous aggregate is a view to Postgres; only this form takes its hidden hypertable along.
  if (object.timescale === "continuous aggregate") return "MATERIALIZED VIEW";
  // ROUTINE takes the plain argument types that pg_identify_object prints, for aggregates of every kind too.
  if (object.type === "function" || object.type === "procedure" || object.type === "aggregate") return "ROUTINE";
  if (object.type === "statistics object") return "STATISTICS";
  return object.type.toUpperCase();
}
