import type { Certainty, Habits, Use } from "../evidence.ts";
import { effectsOfBlock, effectsOfBody } from "./bodies.ts";
import type { Call, Effects, NamedUse, ObjectName } from "./effects.ts";
import { type Attached, type NamesInDatabase, type Relation, type Routine, signatureOf } from "./names-in-database.ts";
import { isTemporaryName, type Passing, passingNames } from "./passing-names.ts";

/** A privilege that one statement needs. */
export type ResolvedUse = Omit<Use, "count" | "last" | "example">;

/** What one text of statements needs in its database. */
export interface Resolved {
  uses: ResolvedUse[];
  /** OIDs of the tables that it writes, also those that functions write as their owner. */
  written: Set<string>;
  /** Of the statements and of the functions that they call. */
  habits: Habits[];
  /** Why its needs are known in part only. */
  unknown: string[];
}

/** The session of a statement. */
export interface Session {
  user: string;
  /** search_path that it has set; undefined: the one that it logged in with. */
  searchPath: string | undefined;
  passing: Passing;
}

/** Whose privileges count. */
interface Scope {
  path: string[];
  via: string | undefined;
  certainty: Certainty;
  /** In a SECURITY DEFINER function: nothing is needed of the caller. */
  isOwners: boolean;
  passing: Passing;
}

/** Effects that are still to be resolved. */
type Step = () => Promise<void> | void;

const writes = new Set(["INSERT", "UPDATE", "DELETE"]);

/** Languages whose functions use no object of a user, as far as functions written in C do. */
const opaque = new Set(["internal", "c"]);

/** Resolves names in statements to objects, and functions, triggers and views to what they need of the caller. */
export class Resolver {
  readonly names: NamesInDatabase;
  readonly #bodies = new Map<string, Promise<Effects[] | undefined>>();

  constructor(names: NamesInDatabase) {
    this.names = names;
  }

  async resolve(effects: Effects[], { user, searchPath, passing }: Session): Promise<Resolved> {
    const resolution = new Resolution(this.names, user, (routine) => this.#bodyOf(routine));
    let path = this.names.searchPath(searchPath, user);
    for (const each of effects) {
      await resolution.run(each, { path, via: undefined, certainty: "certain", isOwners: false, passing });
      // A later statement of the same text.
      if (each.searchPath !== undefined) path = this.names.searchPath(each.searchPath ?? undefined, user);
    }
    return resolution;
  }

  #bodyOf(routine: Routine): Promise<Effects[] | undefined> {
    let body = this.#bodies.get(routine.id);
    if (!body) {
      body = effectsOfBody(routine);
      this.#bodies.set(routine.id, body);
    }
    return body;
  }
}

class Resolution implements Resolved {
  readonly #uses = new Map<string, ResolvedUse>();
  readonly written = new Set<string>();
  readonly habits: Habits[] = [];
  readonly unknown: string[] = [];
  readonly #names: NamesInDatabase;
  readonly #user: string;
  readonly #bodyOf: (routine: Routine) => Promise<Effects[] | undefined>;
  /** Functions and relations that were entered: they can refer to themselves. */
  readonly #entered = new Set<string>();
  readonly #steps: Step[] = [];

  constructor(names: NamesInDatabase, user: string, bodyOf: (routine: Routine) => Promise<Effects[] | undefined>) {
    this.#names = names;
    this.#user = user;
    this.#bodyOf = bodyOf;
  }

  get uses(): ResolvedUse[] {
    return [...this.#uses.values()];
  }

  async run(effects: Effects, scope: Scope): Promise<void> {
    this.#addEffects(effects, scope);
    for (let step = this.#steps.pop(); step; step = this.#steps.pop()) await step();
  }

  #addEffects(effects: Effects, scope: Scope): void {
    this.habits.push(effects.habits);
    for (const use of effects.uses) this.#use(use, scope);
    for (const { needs, object } of effects.ddl) {
      // An index on a temporary table is in the schema of that table, which is the session's own.
      const isOnTemporary = isTemporaryName(object, scope.passing);
      for (const use of needs) if (!isOnTemporary || use.kind !== "schema") this.#use(use, scope);
    }
    for (const call of effects.calls) this.#call(call, scope);
    for (const body of effects.bodies) this.#steps.push(() => this.#block(body, scope));
    for (const reason of effects.unknown) this.#isUnknown(reason, scope);
  }

  #isUnknown(reason: string, { via, isOwners }: Scope): void {
    const text = via === undefined ? reason : `${reason} in ${via}`;
    if (!isOwners && !this.unknown.includes(text)) this.unknown.push(text);
  }

  #use({ kind, object, privilege: named, columns, ofColumn, certainty }: NamedUse, scope: Scope): void {
    const within = { ...scope, certainty: weaker(scope.certainty, certainty) };
    const { catalog } = this.#names;
    const privilege = inVersion(named, catalog.hasMaintain);
    switch (kind) {
      case "database":
        this.#add({ kind, schema: "", name: object.name || catalog.database, privilege }, within);
        return;
      case "schema": {
        const name = object.name || scope.path.find((schema) => schema !== "pg_catalog");
        // One that is not there is created, or was dropped.
        if (name !== undefined && catalog.schemas.has(name)) this.#add({ kind, schema: "", name, privilege }, within);
        return;
      }
      case "type": {
        const type = this.#names.type(object, scope.path);
        if (type) this.#add({ kind, schema: type.schema, name: type.name, privilege }, within);
        return;
      }
      case "function":
        for (const { object: routine } of this.#names.routinesNamed(object, scope.path)) {
          this.#add({ kind, schema: routine.schema, name: signatureOf(routine), privilege }, within);
        }
        return;
      case "other":
        this.#add({ kind, schema: object.schema ?? "", name: object.name, privilege }, within);
        return;
      default:
        if (ofColumn !== undefined) this.#useSequenceOf(object, ofColumn, privilege, within);
        else this.#useRelation(object, privilege, columns, within);
    }
  }

  #useSequenceOf(table: ObjectName, column: string, privilege: string, scope: Scope): void {
    const found = this.#names.relation(table, scope.path);
    const owned =
      found &&
      this.#names.attachedTo(found.object).find((each) => each.of === "owned" && each.columns?.includes(column));
    const sequence = owned && this.#names.relationById(owned.object);
    if (sequence) this.#addRelation(sequence, privilege, undefined, scope);
    else this.#isUnknown(`the sequence of ${written(table)}.${column} is not in the catalog`, scope);
  }

  #useRelation(name: ObjectName, privilege: string, columns: string[] | undefined, scope: Scope): void {
    const { temporary, created } = scope.passing;
    if (name.schema === "pg_temp" || (name.schema === undefined && temporary.has(name.name))) return;
    const found = this.#names.relation(name, scope.path);
    if (!found) {
      // What is not there was dropped by its owner.
      if (privilege !== "OWNER" && !created.has(name.name))
        this.#isUnknown(`${written(name)} is not in the catalog`, scope);
      return;
    }
    const within = { ...scope, certainty: weaker(scope.certainty, found.certainty) };
    this.#addRelation(found.object, privilege, columns, within);
    this.#enter(found.object, privilege, columns, within);
  }

  #addRelation(relation: Relation, privilege: string, columns: string[] | undefined, scope: Scope): void {
    const { schema, name, publicPrivileges } = relation;
    if (isOfPostgres(schema) && publicPrivileges.includes(privilege)) return;
    const kind = relation.kind === "sequence" ? "sequence" : "table";
    this.#add({ kind, schema, name, privilege, ...(columns && { columns }) }, scope);
  }

  /** What else is needed when a relation is used: its triggers, defaults, policies, and the functions of a view. */
  #enter(relation: Relation, privilege: string, columns: string[] | undefined, scope: Scope): void {
    if (writes.has(privilege) && relation.kind === "table") this.written.add(this.#names.rootOf(relation).id);
    const key = `${relation.id} ${privilege} ${scope.isOwners} ${scope.certainty}`;
    if (this.#entered.has(key)) return;
    this.#entered.add(key);
    const attached = this.#names.attachedTo(relation).filter(({ events }) => events.includes(privilege));
    const isInstead = attached.some(({ of }) => of === "trigger" || of === "rule");
    for (const each of attached) {
      if (each.of === "view" && each.kind === "relation") {
        // A statement that writes to a view writes to its only table, unless a trigger or rule does it instead.
        const isOnly = attached.filter(({ of, kind }) => of === "view" && kind === "relation").length === 1;
        if (!writes.has(privilege)) this.#readThrough(relation, each, scope);
        else if (isOnly && !isInstead) this.#writeThrough(relation, each, privilege, columns, scope);
      } else this.#attach(relation, each, columns, scope);
    }
  }

  #attach(relation: Relation, attached: Attached, columns: string[] | undefined, scope: Scope): void {
    const isListed = attached.columns?.some((column) => columns?.includes(column)) ?? false;
    // A column that is listed can still be given DEFAULT.
    const isLikely = attached.of === "policy" || (attached.of === "default" && isListed);
    if (attached.of === "trigger" && attached.columns && columns && !isListed) return;
    const within: Scope = {
      ...scope,
      via: `${relation.schema}.${relation.name}`,
      certainty: isLikely ? "likely" : scope.certainty,
    };
    if (attached.kind === "routine") {
      const routine = this.#names.routineById(attached.object);
      // Postgres checks EXECUTE on a trigger's function when the trigger is created.
      if (routine) this.#runRoutine(routine, within, attached.of !== "trigger");
      return;
    }
    const other = this.#names.relationById(attached.object);
    if (!other || attached.of === "rule") return;
    const privilege = other.kind === "sequence" ? "USAGE" : "SELECT";
    this.#addRelation(other, privilege, undefined, within);
    this.#enter(other, privilege, undefined, within);
  }

  /** The owner of a view needs the privileges on what it reads, but the caller those on the functions that it calls. */
  #readThrough(view: Relation, { object }: Attached, scope: Scope): void {
    const below = this.#names.relationById(object);
    if (!below) return;
    const within = { ...scope, via: `${view.schema}.${view.name}` };
    if (view.isInvoker) this.#addRelation(below, "SELECT", undefined, within);
    if (view.isInvoker || below.kind === "view") this.#enter(below, "SELECT", undefined, within);
  }

  #writeThrough(
    view: Relation,
    { object }: Attached,
    privilege: string,
    columns: string[] | undefined,
    scope: Scope,
  ): void {
    const below = this.#names.relationById(object);
    if (!below) return;
    const within: Scope = { ...scope, via: `${view.schema}.${view.name}`, certainty: "likely" };
    if (view.isInvoker) this.#addRelation(below, privilege, undefined, within);
    this.#enter(below, privilege, columns, within);
  }

  #call({ function: name, argumentCount }: Call, scope: Scope): void {
    const found = this.#names.routines(name, argumentCount, scope.path);
    if (found === "built in") return;
    if (!found) {
      if (!scope.passing.created.has(name.name))
        this.#isUnknown(`function ${written(name)} is not in the catalog`, scope);
      return;
    }
    for (const { object, certainty } of found) {
      this.#runRoutine(object, { ...scope, certainty: weaker(scope.certainty, certainty) }, true);
    }
  }

  #runRoutine(routine: Routine, scope: Scope, needsExecute: boolean): void {
    const { id, schema, name, language, isDefiner, searchPath, isOfExtension } = routine;
    const signature = signatureOf(routine);
    if (needsExecute) this.#add({ kind: "function", schema, name: signature, privilege: "EXECUTE" }, scope);
    const within: Scope = {
      ...scope,
      via: `${schema}.${name}`,
      isOwners: scope.isOwners || isDefiner,
      path: searchPath === undefined ? scope.path : this.#names.searchPath(searchPath, this.#user),
    };
    const key = `${id} ${within.isOwners} ${within.certainty} ${within.path.join()}`;
    if (this.#entered.has(key)) return;
    this.#entered.add(key);
    if (language === "sql" || language === "plpgsql") this.#steps.push(() => this.#body(routine, within));
    else if (!isOfExtension && !opaque.has(language)) {
      this.#isUnknown(`${language} function ${schema}.${signature}`, { ...within, via: scope.via });
    }
  }

  async #body(routine: Routine, scope: Scope): Promise<void> {
    const body = await this.#bodyOf(routine);
    if (!body) return this.#isUnknown("a body that cannot be parsed", scope);
    this.#addBody(body, scope);
  }

  #addBody(body: Effects[], scope: Scope): void {
    const passing = passingNames(body, scope.passing);
    for (const each of body) this.#addEffects(each, { ...scope, passing });
  }

  /** DO. */
  async #block({ language, source }: Effects["bodies"][number], scope: Scope): Promise<void> {
    if (language !== "plpgsql") return this.#isUnknown(`${language} in DO`, scope);
    try {
      this.#addBody(await effectsOfBlock(source), scope);
    } catch {
      this.#isUnknown("a DO block that cannot be parsed", scope);
    }
  }

  #add(use: Pick<ResolvedUse, "kind" | "schema" | "name" | "privilege" | "columns">, scope: Scope): void {
    const { via, certainty, isOwners } = scope;
    if (isOwners) return;
    const key = JSON.stringify([use.kind, use.schema, use.name, use.privilege, via]);
    const known = this.#uses.get(key);
    if (!known) this.#uses.set(key, { ...use, certainty, ...(via !== undefined && { via }) });
    else {
      if (certainty === "certain") known.certainty = certainty;
      known.columns = known.columns && use.columns && [...new Set([...known.columns, ...use.columns])];
    }
  }
}

function inVersion(privilege: string, hasMaintain: boolean): string {
  if (privilege === "VACUUM") return hasMaintain ? "MAINTAIN" : privilege;
  return privilege === "MAINTAIN" && !hasMaintain ? "OWNER" : privilege;
}

function isOfPostgres(schema: string): boolean {
  return schema === "pg_catalog" || schema === "information_schema";
}

function weaker(a: Certainty, b: Certainty): Certainty {
  return a === "certain" ? b : a;
}

function written({ schema, name }: ObjectName): string {
  return schema === undefined ? name : `${schema}.${name}`;
}
