import { randomBytes } from "node:crypto";
import { escapeIdentifier } from "pg";
import type { Move } from "../ownership/moves.ts";
import type { OwnedObject } from "../ownership/objects.ts";
import { isGrantedOnTable } from "../privileges/explicit-grants.ts";
import type { RehearsalGoal, RehearsalRole } from "./goal.ts";
import type { Relation } from "./relations.ts";

/** The checks of one transaction: of an object after its move to the new owner, or of a schema or extension. */
export interface Trial {
  /** Name of the object or schema, as users write it. */
  name: string;
  /** Whether it checks a schema or extension rather than an object. */
  isSchema: boolean;
  /** The schema on which the checks need privileges. */
  schema: string;
  /** For a relation. */
  identity?: string;
  move?: Move;
  checks: Check[];
}

/** A statement that must succeed, or be refused, as one role. */
export interface Check {
  /** `EXPLAIN SELECT as dashboard_app`. */
  name: string;
  as: string;
  /** One or several statements, separated by semicolons. */
  sql: string;
  expected: "allowed" | "refused";
  /** A refusal is only a warning, because most migrations do not need it. */
  isAdvisory?: boolean;
}

/** The partitions and children that an ALTER TABLE recurses to. */
export interface Recursion {
  /** Whether some stay with another role, or are outside the schemas. */
  isBeyond: boolean;
  /** Schemas outside the stack's that contain partitions of the table. */
  partitionsIn: string[];
}

/** A schema or extension, whose owner the up does not change. */
export interface Container {
  name: string;
  owner: string;
}

/** A name for temporary objects that no other object has. */
const throwaway = escapeIdentifier(`app_roles_rehearsal_${randomBytes(6).toString("hex")}`);

/** Facts about the database besides its objects. */
export interface Context {
  /** By the table's identity. */
  recursion: Map<string, Recursion>;
  schemas: Container[];
  /** Extensions that the owner role does not own. */
  extensions: Container[];
}

/**
 * All trials of a database: each object is moved, checked as its owner and as every other role, and moved back. Tables come
 * before the views that read them.
 */
export function trials(
  goal: RehearsalGoal,
  objects: OwnedObject[],
  relations: Map<string, Relation>,
  moves: Move[],
  { recursion, schemas, extensions }: Context,
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
            ...(owner === undefined ? [] : recursionChecks(owner, relation, recursion.get(object.identity))),
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

/** A migration can read objects that stay with another role. */
function keptChecks({ owner, schemas }: RehearsalGoal, { identity, schema }: Relation): Check[] {
  if (owner === undefined || !schemas.includes(schema)) return [];
  return [{ ...check("EXPLAIN SELECT", owner, `EXPLAIN SELECT * FROM ${identity}`), isAdvisory: true }];
}

/** ALTER TABLE recurses to partitions and children; CREATE INDEX creates an index in each partition's schema. */
function recursionChecks(owner: string, { identity }: Relation, recursion: Recursion | undefined): Check[] {
  if (!recursion?.isBeyond) return [];
  const alter = `ALTER TABLE ${identity} ADD COLUMN ${throwaway} boolean`;
  return [
    check("ALTER TABLE ADD COLUMN, with its partitions and children,", owner, alter),
    ...recursion.partitionsIn.map((schema) => {
      const table = `${escapeIdentifier(schema)}.${throwaway}`;
      // CREATE INDEX itself would read the whole table under a lock.
      const sql = `CREATE TABLE ${table} (id integer); DROP TABLE ${table}`;
      return check(`CREATE in schema ${schema}, as CREATE INDEX does for its partitions,`, owner, sql);
    }),
  ];
}

/** COMMENT needs the same ownership as ALTER EXTENSION ... UPDATE, and runs no script. */
function extensionTrial(owner: string, { name }: Container): Trial {
  const sql = `COMMENT ON EXTENSION ${escapeIdentifier(name)} IS NULL`;
  const what = "COMMENT ON EXTENSION, which like ALTER EXTENSION ... UPDATE needs its owner,";
  return {
    name: `extension ${name}`,
    isSchema: true,
    schema: "",
    checks: [{ ...check(what, owner, sql), isAdvisory: true }],
  };
}

/** Statements of migrations that only an owner can run. */
function ownerChecks(owner: string, { identity, kind, column, definition }: Relation, object: OwnedObject): Check[] {
  const checks = [check("EXPLAIN SELECT", owner, `EXPLAIN SELECT * FROM ${identity}`)];
  if (definition !== null) checks.push(check("EXPLAIN of its definition", owner, `EXPLAIN ${definition}`));
  if (object.timescale === "hypertable") {
    checks.push(check("ALTER TABLE ADD COLUMN", owner, `ALTER TABLE ${identity} ADD COLUMN ${throwaway} boolean`));
  } else if ((kind === "table" || kind === "partitioned table") && column !== null) {
    // Needs the owner, as every ALTER, and does not recurse to partitions and children, which have their own trials.
    const sql = `ALTER TABLE ONLY ${identity} ALTER COLUMN ${column} SET STATISTICS -1`;
    checks.push(check("ALTER TABLE", owner, sql));
  }
  return checks;
}

/** Checks of a role's access level. EXPLAIN needs the same privileges as the statement, and does not run it. */
function roleChecks({ role, access, grants }: RehearsalRole, { identity, kind }: Relation): Check[] {
  // An owner's checks are in ownerChecks.
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
      // Fails without CREATE on the database even if the schema exists; migrations that start with it crash-loop.
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
