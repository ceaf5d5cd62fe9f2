import { randomBytes } from "node:crypto";
import { escapeIdentifier } from "pg";
import { isGrantedOnTable } from "../catalog/explicit-grants.ts";
import type { OwnedObject } from "../catalog/objects.ts";
import type { Move } from "../catalog/ownership.ts";
import type { RehearsalGoal, RehearsalRole } from "./goal.ts";
import type { Relation } from "./relations.ts";

/** One transaction's worth: an object on its way to its new owner with what must work then, or a schema. */
export interface Trial {
  /** How people name the object or the schema. */
  name: string;
  /** Whether it is about a schema rather than an object. */
  isSchema: boolean;
  /** The schema whose privileges the checks need. */
  schema: string;
  move?: Move;
  checks: Check[];
}

/** Something that must work, or must be refused, as one role. */
export interface Check {
  /** `EXPLAIN SELECT as dashboard_app`. */
  name: string;
  as: string;
  /** One statement, or several parted by semicolons. */
  sql: string;
  expected: "allowed" | "refused";
}

/** A name that no object of the server has: what the rehearsal makes is gone before anybody could see it. */
const throwaway = escapeIdentifier(`app_roles_rehearsal_${randomBytes(6).toString("hex")}`);

/**
 * All there is to rehearse: an object is moved, tried by its owner and by every other role, and moved back. Tables come
 * before what reads them.
 */
export function trials(
  goal: RehearsalGoal,
  objects: OwnedObject[],
  relations: Map<string, Relation>,
  moves: Move[],
): Trial[] {
  const moveOf = new Map(moves.map((move) => [move.object.key, move]));
  const ofObjects = objects
    .toSorted((a, b) => a.depth - b.depth)
    .flatMap((object): Trial[] => {
      const move = moveOf.get(object.key);
      const relation = relations.get(object.identity);
      const isManaged = goal.schemas.includes(object.schema);
      const owner = move?.to ?? (object.owner === goal.owner ? goal.owner : undefined);
      const checks = relation
        ? [
            ...(owner === undefined ? [] : ownerChecks(owner, relation, object)),
            ...(isManaged ? goal.roles.flatMap((role) => roleChecks(role, relation)) : []),
          ]
        : [];
      if (!move && checks.length === 0) return [];
      return [{ name: object.key, isSchema: false, schema: object.schema, ...(move && { move }), checks }];
    });
  const { owner } = goal;
  return owner === undefined ? ofObjects : [...goal.schemas.map((schema) => schemaTrial(owner, schema)), ...ofObjects];
}

/** What a migration does: an owner may do it, nobody else. */
function ownerChecks(owner: string, { identity, kind, column, definition }: Relation, object: OwnedObject): Check[] {
  const checks = [check("EXPLAIN SELECT", owner, `EXPLAIN SELECT * FROM ${identity}`)];
  if (definition !== null) checks.push(check("EXPLAIN of its definition", owner, `EXPLAIN ${definition}`));
  if (object.timescale === "hypertable") {
    checks.push(check("ALTER TABLE ADD COLUMN", owner, `ALTER TABLE ${identity} ADD COLUMN ${throwaway} boolean`));
  } else if ((kind === "table" || kind === "partitioned table") && column !== null) {
    // Needs an owner as any ALTER does, and leaves a table's partitions and heirs, which are moved by themselves, alone.
    const sql = `ALTER TABLE ONLY ${identity} ALTER COLUMN ${column} SET STATISTICS -1`;
    checks.push(check("ALTER TABLE", owner, sql));
  }
  return checks;
}

/** What a role's access level gives. EXPLAIN asks for the same privileges as the statement and runs nothing. */
function roleChecks({ role, access, grants }: RehearsalRole, { identity, kind }: Relation): Check[] {
  // It gives an owner what it owns: those checks are made already.
  if (access === "owner") return [];
  const select = check("EXPLAIN SELECT", role, `EXPLAIN SELECT * FROM ${identity}`);
  if (kind !== "table" && kind !== "partitioned table") return [select];
  const remove = `EXPLAIN DELETE FROM ${identity}`;
  if (access === "reader" && isGrantedOnTable(grants, identity, "DELETE")) return [select];
  if (access === "reader") return [select, { ...check("EXPLAIN DELETE", role, remove), expected: "refused" }];
  const insert = check("EXPLAIN INSERT", role, `EXPLAIN INSERT INTO ${identity} DEFAULT VALUES`);
  return [select, insert, check("EXPLAIN DELETE", role, remove)];
}

function schemaTrial(owner: string, schema: string): Trial {
  const name = escapeIdentifier(schema);
  const table = `${name}.${throwaway}`;
  return {
    name: `schema ${schema}`,
    isSchema: true,
    schema,
    checks: [
      // Fails without CREATE on the database even where the schema exists: migrators that start with it crash-loop.
      check("CREATE SCHEMA IF NOT EXISTS", owner, `CREATE SCHEMA IF NOT EXISTS ${name}`),
      check("CREATE and DROP of a table", owner, `CREATE TABLE ${table} (id integer); DROP TABLE ${table}`),
    ],
  };
}

function check(what: string, as: string, sql: string): Check {
  return { name: `${what} as ${as}`, as, sql, expected: "allowed" };
}
