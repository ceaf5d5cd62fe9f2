import { randomBytes } from "node:crypto";
import { escapeIdentifier } from "pg";
import type { Move } from "../ownership/moves.ts";
import type { OwnedObject } from "../ownership/objects.ts";
import { isGrantedOnTable } from "../privileges/explicit-grants.ts";
import type { RehearsalGoal, RehearsalRole } from "./goal.ts";
import type { Relation } from "./relations.ts";

/** One transaction's worth: an object on its way to its new owner with what must work then, or a schema. */
export interface Trial {
  /** How people name the object or the schema. */
  name: string;
  /** Whether it is about a schema, or an extension, rather than an object. */
  isSchema: boolean;
  /** The schema whose privileges the checks need. */
  schema: string;
  /** Of a relation. */
  identity?: string;
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
  /** A refusal is only a warning: most migrations do without. */
  isAdvisory?: boolean;
}

/** Where the heirs of a table lie, and with whom: what an ALTER of it reaches. */
export interface Reach {
  /** Some stay with another role than the owner, or lie outside the schemas. */
  isBeyond: boolean;
  /** Schemas outside the managed ones that hold its partitions. */
  partitionsIn: string[];
}

/** A schema's or an extension's owner, whom the up leaves as it is. */
export interface Container {
  name: string;
  owner: string;
}

/** A name that no object of the server has: what the rehearsal makes is gone before anybody could see it. */
const throwaway = escapeIdentifier(`app_roles_rehearsal_${randomBytes(6).toString("hex")}`);

/** What is around the objects. */
export interface Surroundings {
  /** By the table's identity. */
  reach: Map<string, Reach>;
  schemas: Container[];
  /** Those that the owner role does not own. */
  extensions: Container[];
}

/**
 * All there is to rehearse: an object is moved, tried by its owner and by every other role, and moved back. Tables come
 * before what reads them.
 */
export function trials(
  goal: RehearsalGoal,
  objects: OwnedObject[],
  relations: Map<string, Relation>,
  moves: Move[],
  { reach, schemas, extensions }: Surroundings,
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
            ...(owner === undefined ? keptChecks(goal, relation) : ownerChecks(owner, relation, object)),
            ...(owner === undefined ? [] : reachChecks(owner, relation, reach.get(object.identity))),
            ...(isManaged ? goal.roles.flatMap((role) => roleChecks(role, relation)) : []),
          ]
        : [];
      if (!move && checks.length === 0) return [];
      const identity = relation && object.identity;
      return [
        {
          name: object.key,
          isSchema: false,
          schema: object.schema,
          ...(identity && { identity }),
          ...(move && { move }),
          checks,
        },
      ];
    });
  const { owner } = goal;
  if (owner === undefined) return ofObjects;
  return [
    ...schemas.map((schema) => schemaTrial(owner, schema)),
    ...extensions.map((extension) => extensionTrial(owner, extension)),
    ...ofObjects,
  ];
}

/** What stays with another role: a migration may well read it all the same. */
function keptChecks({ owner, schemas }: RehearsalGoal, { identity, schema }: Relation): Check[] {
  if (owner === undefined || !schemas.includes(schema)) return [];
  return [{ ...check("EXPLAIN SELECT", owner, `EXPLAIN SELECT * FROM ${identity}`), isAdvisory: true }];
}

/** An ALTER of a table goes on to its partitions and heirs; CREATE INDEX makes one in each partition's schema. */
function reachChecks(owner: string, { identity }: Relation, reach: Reach | undefined): Check[] {
  if (!reach?.isBeyond) return [];
  const alter = `ALTER TABLE ${identity} ADD COLUMN ${throwaway} boolean`;
  return [
    check("ALTER TABLE ADD COLUMN, with its partitions and heirs,", owner, alter),
    ...reach.partitionsIn.map((schema) => {
      const table = `${escapeIdentifier(schema)}.${throwaway}`;
      // By itself CREATE INDEX would read all of the table under a lock.
      const sql = `CREATE TABLE ${table} (id integer); DROP TABLE ${table}`;
      return check(`CREATE in schema ${schema}, as CREATE INDEX does for the partitions there,`, owner, sql);
    }),
  ];
}

/** COMMENT asks for the same ownership as ALTER EXTENSION ... UPDATE, and runs no script. */
function extensionTrial(owner: string, { name }: Container): Trial {
  const sql = `COMMENT ON EXTENSION ${escapeIdentifier(name)} IS NULL`;
  const what = "COMMENT ON EXTENSION, which like ALTER EXTENSION ... UPDATE is its owner's,";
  return {
    name: `extension ${name}`,
    isSchema: true,
    schema: "",
    checks: [{ ...check(what, owner, sql), isAdvisory: true }],
  };
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
  if (access === undefined && !isGrantedOnTable(grants, identity, "SELECT")) return [];
  const select = check("EXPLAIN SELECT", role, `EXPLAIN SELECT * FROM ${identity}`);
  if (access === undefined || (kind !== "table" && kind !== "partitioned table")) return [select];
  const remove = `EXPLAIN DELETE FROM ${identity}`;
  if (access === "reader" && isGrantedOnTable(grants, identity, "DELETE")) return [select];
  if (access === "reader") return [select, { ...check("EXPLAIN DELETE", role, remove), expected: "refused" }];
  const insert = check("EXPLAIN INSERT", role, `EXPLAIN INSERT INTO ${identity} DEFAULT VALUES`);
  return [select, insert, check("EXPLAIN DELETE", role, remove)];
}

function schemaTrial(owner: string, { name: schema, owner: schemaOwner }: Container): Trial {
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
      { ...check("COMMENT ON SCHEMA", owner, `COMMENT ON SCHEMA ${name} IS NULL`), isAdvisory: true },
      {
        ...check(
          `ALTER DEFAULT PRIVILEGES FOR ROLE ${schemaOwner}`,
          owner,
          `ALTER DEFAULT PRIVILEGES FOR ROLE ${escapeIdentifier(schemaOwner)} IN SCHEMA ${name} REVOKE SELECT ON TABLES FROM PUBLIC`,
        ),
        isAdvisory: true,
      },
    ],
  };
}

function check(what: string, as: string, sql: string): Check {
  return { name: `${what} as ${as}`, as, sql, expected: "allowed" };
}
