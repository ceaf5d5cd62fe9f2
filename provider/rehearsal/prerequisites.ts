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
 * A privilege or ownership that the up will grant and that does not exist yet. The rehearsal grants the ones that a check
 * needs, in the transaction of the check.
 */
export interface Prerequisite {
  kind: "privilege" | "ownership";
  /** The object's name without its schema, as in Postgres's errors. */
  name: string;
  /** The object's key, such as `tickets.t9`. */
  object: string;
  isSchema: boolean;
  /** The same for a whole tree of partitions, because an ALTER needs all of them. */
  tree: string;
  sql: string;
}

/** The privileges that the up grants, one statement for each role and object. */
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
 * Prerequisites from the moves: the owner's privileges, which take no lock on the object and are enough to read it, and the move
 * itself, to alter it.
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

/** Prerequisites that a refused statement lacked, from Postgres's message (lc_messages is C); empty if the up grants none. */
export function missedBy(refusal: Error, prerequisites: Prerequisite[]): Prerequisite[] {
  const [, problem, rest] = /^(permission denied for|must be owner of) (.+)$/s.exec(refusal.message) ?? [];
  if (rest === undefined) return [];
  const wanted = problem === "must be owner of" ? "ownership" : "privilege";
  // A table can have the name of its schema or of an extension.
  const [kind] = rest.split(" ");
  if (kind === "extension") return [];
  // Some errors print the name with its schema, as in the statement.
  const isNamed = ({ name, isSchema }: Prerequisite) =>
    isSchema === (kind === "schema") && (rest.endsWith(` ${name}`) || rest.endsWith(`.${name}`));
  const ofKind = prerequisites.filter(({ kind }) => kind === wanted);
  const named = ofKind.filter(isNamed);
  if (wanted === "privilege") return named;
  const trees = new Set(named.map(({ tree }) => tree));
  return ofKind.filter(({ tree }) => trees.has(tree));
}

/** Keyword after ON in GRANT ALL; undefined for types of objects without privileges. */
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
