import type { Certainty } from "../evidence.ts";
import type { ObjectName } from "./effects.ts";

/** A table, view, materialized view or sequence, or an index, which stands for its table. */
export interface Relation {
  /** Its OID. */
  id: string;
  schema: string;
  name: string;
  kind: "table" | "view" | "materialized view" | "sequence" | "index";
  /** Whether a superuser owns it. */
  isSuperusers: boolean;
  /** A view with security_invoker: the user needs the privileges on what it reads. */
  isInvoker: boolean;
  /** Privileges that PUBLIC has. */
  publicPrivileges: string[];
  /** OID of the partitioned table or the parent at the top; of an index: of its table. */
  root: string | undefined;
}

/** A function, procedure or aggregate. */
export interface Routine {
  id: string;
  schema: string;
  name: string;
  /** `integer,text`. */
  argumentTypes: string;
  /** How many arguments a call can have; null: any number from `fewest` on. */
  fewest: number;
  most: number | null;
  language: string;
  /** SECURITY DEFINER: what its body needs, its owner needs. */
  isDefiner: boolean;
  isSuperusers: boolean;
  /** Its own setting of search_path. */
  searchPath: string | undefined;
  /** The body of LANGUAGE sql, the CREATE FUNCTION of plpgsql; undefined for other languages and members of extensions. */
  source: string | undefined;
  isOfExtension: boolean;
  publicPrivileges: string[];
}

/** A routine, sequence or relation that comes into play when another relation is used. */
export interface Attached {
  /** OID of the relation. */
  relation: string;
  /** The privileges whose use brings it into play: SELECT, INSERT, ... */
  events: string[];
  of: "trigger" | "default" | "expression" | "view" | "rule" | "policy" | "owned";
  kind: "routine" | "relation";
  /** OID of the object. */
  object: string;
  /** Of a trigger: one of these must be written. Of a default: its column must not. Of an owned sequence: its column. */
  columns: string[] | undefined;
}

/** A value of search_path for a role, a database, both, or (with neither) the server. */
export interface PathSetting {
  role: string;
  isOfDatabase: boolean;
  value: string;
}

/** The part of one database's catalog that names resolve in. */
export interface CatalogNames {
  database: string;
  /** Schema to the privileges that PUBLIC has on it. */
  schemas: Map<string, string[]>;
  relations: Relation[];
  routines: Routine[];
  /** Functions of pg_catalog that every role may call; the others are in `routines`. */
  builtIns: Set<string>;
  types: { schema: string; name: string; publicPrivileges: string[] }[];
  attached: Attached[];
  paths: PathSetting[];
  databasePrivileges: string[];
  /** Whether it has the privilege MAINTAIN; else that takes ownership. */
  hasMaintain: boolean;
  /** Settings that only a superuser can change. */
  superuserSettings: Set<string>;
}

/** What a name stands for. */
export interface Found<T> {
  object: T;
  certainty: Certainty;
}

/** Finds what names in statements stand for. */
export class NamesInDatabase {
  readonly catalog: CatalogNames;
  readonly #relations: Index<Relation>;
  readonly #routines: Index<Routine>;
  readonly #types: Index<CatalogNames["types"][number]>;
  readonly #relationsById: Map<string, Relation>;
  readonly #routinesById: Map<string, Routine>;
  readonly #bySignature: Map<string, Routine>;
  readonly #attached: Map<string, Attached[]>;

  constructor(catalog: CatalogNames) {
    this.catalog = catalog;
    this.#relations = new Index(catalog.relations);
    this.#routines = new Index(catalog.routines);
    this.#types = new Index(catalog.types);
    this.#relationsById = new Map(catalog.relations.map((each) => [each.id, each]));
    this.#routinesById = new Map(catalog.routines.map((each) => [each.id, each]));
    this.#bySignature = new Map(
      catalog.routines.map((each) => [JSON.stringify([each.schema, signatureOf(each)]), each]),
    );
    this.#attached = Map.groupBy(catalog.attached, ({ relation }) => relation);
  }

  relation(name: ObjectName, path: string[]): Found<Relation> | undefined {
    const [found] = this.#relations.find(name, path);
    return found?.object.kind === "index" ? { ...found, object: this.rootOf(found.object) } : found;
  }

  relationById(id: string): Relation | undefined {
    return this.#relationsById.get(id);
  }

  routineById(id: string): Routine | undefined {
    return this.#routinesById.get(id);
  }

  /** All routines of a name. */
  routinesNamed(name: ObjectName, path: string[]): Found<Routine>[] {
    return this.#routines.find(name, path);
  }

  /** @param signature `touch(integer,text)` */
  routineNamed(schema: string, signature: string): Routine | undefined {
    return this.#bySignature.get(JSON.stringify([schema, signature]));
  }

  type(name: ObjectName, path: string[]): CatalogNames["types"][number] | undefined {
    return this.#types.find(name, path)[0]?.object;
  }

  /** The routines that a call can mean; "built in" for a function of Postgres that every role may call. */
  routines(name: ObjectName, argumentCount: number, path: string[]): Found<Routine>[] | "built in" | undefined {
    const fits = ({ fewest, most }: Routine) => argumentCount >= fewest && (most === null || argumentCount <= most);
    const found = this.#routines.find(name, path, fits);
    const isBuiltIn =
      (name.schema === undefined || name.schema === "pg_catalog") && this.catalog.builtIns.has(name.name);
    // A function of Postgres wins over one of the same arguments, and those cannot be compared by their number.
    if (isBuiltIn) return found.length === 0 ? "built in" : found.map(likely);
    if (found.length === 0) return undefined;
    return found.length === 1 ? found : found.map(likely);
  }

  attachedTo({ id }: Relation): Attached[] {
    return this.#attached.get(id) ?? [];
  }

  /** The relation that statements name to write to a partition. */
  rootOf(relation: Relation): Relation {
    return (relation.root === undefined ? undefined : this.#relationsById.get(relation.root)) ?? relation;
  }

  /** The schemas in which names without one are looked up. @param value of search_path; undefined: as `user` logs in */
  searchPath(value: string | undefined, user: string): string[] {
    const listed = parsePath(value ?? this.#loginPath(user))
      .map((schema) => (schema === "$user" ? user : schema))
      .filter((schema) => this.catalog.schemas.has(schema));
    return listed.includes("pg_catalog") ? listed : ["pg_catalog", ...listed];
  }

  #loginPath(user: string): string {
    const of = (role: string, isOfDatabase: boolean) =>
      this.catalog.paths.find((each) => each.role === role && each.isOfDatabase === isOfDatabase)?.value;
    return of(user, true) ?? of(user, false) ?? of("", true) ?? of("", false) ?? '"$user", public';
  }
}

/** `touch(integer,text)`. */
export function signatureOf({ name, argumentTypes }: Routine): string {
  return `${name}(${argumentTypes})`;
}

function likely<T>({ object }: Found<T>): Found<T> {
  return { object, certainty: "likely" };
}

const ofPostgres = new Set(["pg_catalog", "information_schema"]);

/** Objects by schema and name. */
class Index<T extends { schema: string; name: string }> {
  readonly #bySchema = new Map<string, Map<string, T[]>>();
  readonly #byName: Map<string, T[]>;

  constructor(objects: T[]) {
    this.#byName = Map.groupBy(objects, ({ name }) => name);
    for (const [schema, of] of Map.groupBy(objects, (each) => each.schema)) {
      this.#bySchema.set(
        schema,
        Map.groupBy(of, ({ name }) => name),
      );
    }
  }

  /** Without a schema: in the first one of the path that has the name, else in the only one of the database that has it. */
  find({ schema, name }: ObjectName, path: string[], fits: (object: T) => boolean = () => true): Found<T>[] {
    const inSchema = (each: string) => (this.#bySchema.get(each)?.get(name) ?? []).filter(fits);
    if (schema !== undefined) return certain(inSchema(schema));
    for (const each of path) {
      const found = inSchema(each);
      if (found.length > 0) return certain(found);
    }
    const anywhere = (this.#byName.get(name) ?? []).filter((each) => !ofPostgres.has(each.schema) && fits(each));
    const [first] = anywhere;
    return first && anywhere.every((each) => each.schema === first.schema)
      ? anywhere.map((object) => ({ object, certainty: "likely" }))
      : [];
  }
}

function certain<T>(objects: T[]): Found<T>[] {
  return objects.map((object) => ({ object, certainty: "certain" }));
}

/** The names in a value of search_path, as Postgres folds them. */
function parsePath(value: string): string[] {
  return [...value.matchAll(/"((?:[^"]|"")+)"|([^\s,"]+)/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? (plain as string).toLowerCase(),
  );
}
