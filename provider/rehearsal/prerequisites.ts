import { escapeIdentifier } from "pg";
import { type Move, statements } from "../ownership/moves.ts";
import type { Queryable } from "../postgres/connection.ts";
import type { Installation } from "../postgres/timescale.ts";
import { schemasIn, withColumns } from "../privileges/explicit-grants.ts";
import { planPrivileges } from "../privileges/plan.ts";
import { privilegeStatements } from "../privileges/statements.ts";
import { privilegesOf, readPrivilegeTable } from "../privileges/table.ts";
import type { RehearsalGoal } from "./goal.ts";
import type { Relation } from "./relations.ts";

/**
 * Something that the up brings and that is not there yet: a privilege, or what comes with owning an object. A rehearsal
 * makes those that a check turns out to need, in the check's own transaction.
 */
export interface Prerequisite {
  kind: "privilege" | "ownership";
  /** The object's name alone, without its schema: what Postgres's refusals call it. */
  name: string;
  /** The object's key, such as `tickets.t9`. */
  object: string;
  isSchema: boolean;
  /** Those of one tree of partitions have the same: who alters one alters all. */
  tree: string;
  sql: string;
}

/** The privileges that the plan gives, one statement for each role and object. */
export async function plannedPrivileges(db: Queryable, goal: RehearsalGoal): Promise<Prerequisite[]> {
  const planned: Prerequisite[] = [];
  const named = goal.roles.flatMap(({ grants }) => schemasIn(grants));
  const table = await readPrivilegeTable(db, [...new Set([...goal.schemas, ...named])]);
  for (const { role, access, grants } of goal.roles) {
    if (access === undefined && grants === undefined) continue;
    const objects = await withColumns(db, grants, privilegesOf(table, role));
    const wanted = { role, access, grants, schemas: goal.schemas, creators: [] };
    const plan = planPrivileges({ objects, defaults: [] }, wanted, undefined, []);
    for (const grant of plan.grants) {
      if (!("object" in grant.place)) continue;
      const [statement] = privilegeStatements({ ...plan, grants: [grant], revokes: [], restores: [] }, role);
      if (!statement) continue;
      const { key, target, kind } = grant.place.object;
      const isSchema = kind === "schema";
      planned.push({
        kind: "privilege",
        name: lastName(target.name),
        object: key,
        isSchema,
        tree: key,
        sql: statement.sql,
      });
    }
  }
  return planned;
}

/**
 * What the moves bring: first, for who only reads the object, the owner's privileges, which take no lock on it; then, for
 * who alters it, the move itself.
 */
export function plannedOwnership(
  moves: Move[],
  relations: Map<string, Relation>,
  timescale: Installation | undefined,
  tops: Map<string, string>,
): Prerequisite[] {
  return moves.flatMap((move): Prerequisite[] => {
    const { object, to } = move;
    const tree = tops.get(object.identity) ?? relations.get(object.identity)?.root ?? object.key;
    const of = { name: object.name, object: object.key, isSchema: false, tree };
    const on = grantable(object.type);
    const grant = on && `GRANT ALL ON ${on} ${object.identity} TO ${escapeIdentifier(to)}`;
    return [
      ...(grant ? [{ ...of, kind: "privilege" as const, sql: grant }] : []),
      { ...of, kind: "ownership" as const, sql: statements(move, timescale).join("; ") },
    ];
  });
}

/** What Postgres missed, by what it said (in English: lc_messages is C); nothing when the plan does not bring it. */
export function missedBy(refusal: Error, prerequisites: Prerequisite[]): Prerequisite[] {
  const [, said, rest] = /^(permission denied for|must be owner of) (.+)$/s.exec(refusal.message) ?? [];
  if (rest === undefined) return [];
  const wanted = said === "must be owner of" ? "ownership" : "privilege";
  // A table may be called like its schema, or like an extension.
  const [kind] = rest.split(" ");
  if (kind === "extension") return [];
  // Some refusals say the name as the statement does, with its schema.
  const isMeant = ({ name, isSchema }: Prerequisite) =>
    isSchema === (kind === "schema") && (rest.endsWith(` ${name}`) || rest.endsWith(`.${name}`));
  const ofKind = prerequisites.filter(({ kind }) => kind === wanted);
  const meant = ofKind.filter(isMeant);
  if (wanted === "privilege") return meant;
  const trees = new Set(meant.map(({ tree }) => tree));
  return ofKind.filter(({ tree }) => trees.has(tree));
}

/** What stands after ON in GRANT ALL; undefined for types of object that know no privileges. */
function grantable(type: string): string | undefined {
  if (type === "sequence") return "SEQUENCE";
  if (type === "function" || type === "procedure" || type === "aggregate") return "ROUTINE";
  if (type === "type" || type === "domain") return "TYPE";
  return ["table", "partitioned table", "foreign table", "view", "materialized view"].includes(type)
    ? "TABLE"
    : undefined;
}

/** `b c` of `"a"."b c"(integer)`. */
function lastName(quoted: string): string {
  const [, first, second] = /^"((?:[^"]|"")+)"(?:\."((?:[^"]|"")+)")?/.exec(quoted) ?? [];
  return (second ?? first ?? quoted).replaceAll('""', '"');
}
