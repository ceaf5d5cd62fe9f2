import fc from "fast-check";
import { escapeIdentifier, escapeLiteral } from "pg";

/** Roles that exist before the stack; they own objects, hold privileges and grant them onward. */
export const strangers = ["bob", 'Former "owner", of', "o'brien; DROP ROLE postgres; --", "tëam.lead"];
/** Schemas that the stack manages, and one that it does not. */
export const schemas = ["app", 'Odd " schema', "select"];
const outside = "out.side";

const names = ["t", "Order's", "a.b", 'q"q', "select", "ünïcödé $1", "x; DROP TABLE app.t; --"];

/** Kinds of objects and the SQL that creates them; `{name}`, `{table}` and `{schema}` are replaced. */
const kinds = {
  table: "CREATE TABLE {name} (id bigserial PRIMARY KEY, a int, b text)",
  identity: "CREATE TABLE {name} (id int GENERATED ALWAYS AS IDENTITY, a int, b text)",
  unlogged: "CREATE UNLOGGED TABLE {name} (id int, a int, b text)",
  partitioned: "CREATE TABLE {name} (id int, a int, b text) PARTITION BY RANGE (id)",
  child: "CREATE TABLE {name} () INHERITS ({table})",
  view: "CREATE VIEW {name} AS SELECT id, a FROM {table}",
  barrier: "CREATE VIEW {name} WITH (security_barrier) AS SELECT id, a, b FROM {table} WHERE a > 0",
  matview: "CREATE MATERIALIZED VIEW {name} AS SELECT id, a FROM {table}",
  sequence: "CREATE SEQUENCE {name}",
  function: "CREATE FUNCTION {name}(x int) RETURNS bigint LANGUAGE sql AS 'SELECT x::bigint'",
  definer: "CREATE FUNCTION {name}(x text) RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT length(x)'",
  procedure: "CREATE PROCEDURE {name}(x date) LANGUAGE sql AS 'SELECT 1'",
  enum: "CREATE TYPE {name} AS ENUM ('x', 'y')",
  domain: "CREATE DOMAIN {name} AS int CHECK (VALUE > 0)",
  composite: "CREATE TYPE {name} AS (x int, y text)",
} as const;
type Kind = keyof typeof kinds;

const tables: Kind[] = ["table", "identity", "unlogged", "partitioned", "child"];
const relations: Kind[] = [...tables, "view", "barrier", "matview"];
const needsTable: Kind[] = ["child", "view", "barrier", "matview"];

/** The keyword of a kind in GRANT, and its privileges. */
function grantable(kind: Kind): { word: string; privileges: string[] } {
  if (relations.includes(kind)) return { word: "TABLE", privileges: ["SELECT", "INSERT", "UPDATE", "TRIGGER", "ALL"] };
  if (kind === "sequence") return { word: "SEQUENCE", privileges: ["USAGE", "SELECT", "UPDATE"] };
  if (kind === "function" || kind === "definer") return { word: "FUNCTION", privileges: ["EXECUTE"] };
  if (kind === "procedure") return { word: "PROCEDURE", privileges: ["EXECUTE"] };
  return { word: kind === "domain" ? "DOMAIN" : "TYPE", privileges: ["USAGE"] };
}

const arguments_: Partial<Record<Kind, string>> = { function: "(int)", definer: "(text)", procedure: "(date)" };

/** One object of an estate. */
export interface EstateObject {
  kind: Kind;
  schema: string;
  name: string;
  /** The owner: a role, or the superuser. */
  owner: string;
  grants: { to: string; privilege: number; withGrantOption: boolean; columns: boolean }[];
  /** A role that grants a privilege onward, and to whom. */
  onward: string | undefined;
  hasRowSecurity: boolean;
}

export interface DefaultPrivilege {
  creator: string;
  schema: string | undefined;
  kind: "TABLES" | "SEQUENCES" | "FUNCTIONS" | "TYPES";
  to: string;
}

/** A random database. */
export interface RandomEstate {
  objects: EstateObject[];
  defaults: DefaultPrivilege[];
  /** Schemas whose owner is not the superuser. */
  schemaOwners: Record<string, string>;
  /** Schemas on which PUBLIC has USAGE. */
  publicSchemas: string[];
}

const owner = fc.oneof({ weight: 2, arbitrary: fc.constant("postgres") }, fc.constantFrom(...strangers));

const estateObject: fc.Arbitrary<EstateObject> = fc.record({
  kind: fc.constantFrom(...(Object.keys(kinds) as Kind[])),
  schema: fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...schemas) }, fc.constant(outside)),
  name: fc.constantFrom(...names),
  owner,
  grants: fc.array(
    fc.record({
      to: fc.constantFrom(...strangers, "PUBLIC"),
      privilege: fc.nat(4),
      withGrantOption: fc.boolean(),
      columns: fc.boolean(),
    }),
    { maxLength: 3 },
  ),
  onward: fc.option(fc.constantFrom(...strangers), { nil: undefined }),
  hasRowSecurity: fc.boolean(),
});

const defaultPrivilege: fc.Arbitrary<DefaultPrivilege> = fc.record({
  creator: owner,
  schema: fc.option(fc.constantFrom(...schemas), { nil: undefined }),
  kind: fc.constantFrom("TABLES", "SEQUENCES", "FUNCTIONS", "TYPES"),
  to: fc.constantFrom(...strangers),
});

export const randomEstate: fc.Arbitrary<RandomEstate> = fc.record({
  objects: fc.uniqueArray(estateObject, { minLength: 1, maxLength: 14, selector: ({ schema, name }) => schema + name }),
  defaults: fc.array(defaultPrivilege, { maxLength: 3 }),
  schemaOwners: fc.dictionary(fc.constantFrom(...schemas), fc.constantFrom(...strangers), { maxKeys: 2 }),
  publicSchemas: fc.subarray([...schemas, outside]),
});

/** `schema.name`, quoted. */
export function nameOf({ schema, name }: Pick<EstateObject, "schema" | "name">): string {
  return `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;
}

/** The statements that create the estate in an empty database whose roles exist. */
export function statementsOf({ objects, defaults, schemaOwners, publicSchemas }: RandomEstate): string[] {
  const grantee = (role: string) => (role === "PUBLIC" ? role : escapeIdentifier(role));
  const usage = [...schemas, outside].flatMap((schema) => {
    const quoted = escapeIdentifier(schema);
    return [
      `CREATE SCHEMA ${quoted}`,
      ...(schemaOwners[schema] ? [`ALTER SCHEMA ${quoted} OWNER TO ${escapeIdentifier(schemaOwners[schema])}`] : []),
      ...strangers.map((role) => `GRANT USAGE, CREATE ON SCHEMA ${quoted} TO ${escapeIdentifier(role)}`),
      ...(publicSchemas.includes(schema) ? [`GRANT USAGE ON SCHEMA ${quoted} TO PUBLIC`] : []),
    ];
  });
  const made = madeObjects(objects).flatMap(({ object, table }) => {
    const name = nameOf(object);
    const { word, privileges } = grantable(object.kind);
    const full = `${word} ${name}${arguments_[object.kind] ?? ""}`;
    const create = kinds[object.kind].replaceAll("{name}", () => name).replaceAll("{table}", () => table);
    const partitions = object.kind === "partitioned" ? [partitionOf(object)] : [];
    const [first] = object.grants;
    const to = first && first.to !== "PUBLIC" && first.withGrantOption && !first.columns ? first.to : undefined;
    const onward = to !== undefined && object.onward !== undefined && object.onward !== to ? object.onward : undefined;
    return [
      create,
      ...partitions,
      ...(tables.includes(object.kind) && object.hasRowSecurity
        ? [`ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY`, `CREATE POLICY p ON ${name} USING (true)`]
        : []),
      `ALTER ${objectWord(object.kind)} ${name}${arguments_[object.kind] ?? ""} OWNER TO ${escapeIdentifier(object.owner)}`,
      `SET ROLE ${escapeIdentifier(object.owner)}`,
      ...object.grants.map(({ to: role, privilege, withGrantOption, columns }) => {
        const what = privileges[privilege % privileges.length] as string;
        const isOfColumns = columns && relations.includes(object.kind) && /SELECT|INSERT|UPDATE/.test(what);
        const option = withGrantOption && role !== "PUBLIC" ? " WITH GRANT OPTION" : "";
        return `GRANT ${what}${isOfColumns ? " (a)" : ""} ON ${full} TO ${grantee(role)}${option}`;
      }),
      "RESET ROLE",
      ...(first && to !== undefined && onward !== undefined
        ? [
            `SET ROLE ${escapeIdentifier(to)}`,
            `GRANT ${privileges[first.privilege % privileges.length]} ON ${full} TO ${escapeIdentifier(onward)}`,
            "RESET ROLE",
          ]
        : []),
    ];
  });
  const given = defaults.map(({ creator, schema, kind, to }) => {
    const where = schema === undefined ? "" : ` IN SCHEMA ${escapeIdentifier(schema)}`;
    const what = { TABLES: "SELECT, INSERT", SEQUENCES: "USAGE", FUNCTIONS: "EXECUTE", TYPES: "USAGE" }[kind];
    return `ALTER DEFAULT PRIVILEGES FOR ROLE ${escapeIdentifier(creator)}${where} GRANT ${what} ON ${kind} TO ${escapeIdentifier(to)}`;
  });
  return [...usage, ...given, ...made];
}

/** Objects in order of creation, each with its table; an object without its table is left out. */
export function madeObjects(objects: EstateObject[]): { object: EstateObject; table: string }[] {
  // Views over tables of other owners or in other schemas are common.
  const [base] = objects.filter(({ kind }) => tables.includes(kind) && !needsTable.includes(kind));
  const plain = objects.filter(({ kind }) => !needsTable.includes(kind)).map((object) => ({ object, table: "" }));
  const over = objects.filter(({ kind }) => needsTable.includes(kind));
  const inheritable = objects.find(({ kind }) => kind === "table" || kind === "identity" || kind === "unlogged");
  return [
    ...plain,
    ...over.flatMap((object) => {
      const table = object.kind === "child" ? inheritable : base;
      return table ? [{ object, table: nameOf(table) }] : [];
    }),
  ];
}

function partitionOf(object: EstateObject): string {
  const partition = { schema: object.schema, name: `${object.name}_p` };
  return `CREATE TABLE ${nameOf(partition)} PARTITION OF ${nameOf(object)} FOR VALUES FROM (0) TO (10)`;
}

function objectWord(kind: Kind): string {
  if (kind === "view" || kind === "barrier") return "VIEW";
  if (kind === "matview") return "MATERIALIZED VIEW";
  return grantable(kind).word;
}

export function isRelation({ kind }: EstateObject): boolean {
  return relations.includes(kind);
}

export function isTable({ kind }: EstateObject): boolean {
  return tables.includes(kind);
}

/** The estate as a psql script, for the report of a counterexample. */
export function scriptOf(estate: RandomEstate): string {
  const roles = strangers.map((role) => `-- CREATE ROLE ${escapeIdentifier(role)} is ${escapeLiteral(role)}`);
  return [...roles, ...statementsOf(estate)].map((line) => `${line};`).join("\n");
}
