import type { DeclaredAccess } from "../../model/declared-access.ts";
import { ownerFor, schemasOf } from "../ownership/moves.ts";
import { type OwnedObject, readOwnedObjects } from "../ownership/objects.ts";
import { type Grant, parseAcl } from "../postgres/acl.ts";
import type { Queryable } from "../postgres/connection.ts";
import { splitName, unquoted } from "../postgres/names.ts";
import { privilegesOn } from "../privileges/access-levels.ts";
import { grantedOn } from "../privileges/explicit-grants.ts";
import type { Grantable } from "../privileges/table.ts";
import { holds, isSuperuser, type Roles, readRoles, rightsOf } from "./roles.ts";
import type { SharedReads } from "./warning.ts";

/** A relation, sequence, routine or schema as it is now, as far as privileges on it go. */
export interface Subject {
  /** As people and the plan name it: `app.orders`, `function app.f(integer)`; of a schema its bare name. */
  name: string;
  /** Default: table, which stands for every relation that can be read. */
  kind?: "table" | "sequence" | "routine" | "schema";
  schema: string;
  owner: string;
  /** Defaults included: what `acldefault` says where nothing was granted. */
  acl: string[];
  securityDefiner?: boolean;
}

/** The columns of a relation that a query reads, with the privileges on each. */
export interface ReadColumns {
  columns: { name: string; acl: string[] }[];
}

/**
 * The server as it is once this up is done: the one place that answers whether a role may then do something. It counts
 * what is granted now, and what this up gives by itself: owners, access levels, explicit grants, what a former owner keeps.
 */
export class AfterUp {
  /** A stack's role is no superuser then, whatever an adopted one is now. */
  readonly roles: Roles;
  readonly #declared: DeclaredAccess;
  readonly #moves: Moves;
  readonly #former: Record<string, string>;

  /** @param former object to the owner it had before the stack came; empty before the first up */
  constructor(declared: DeclaredAccess, roles: Roles, moves: Moves, former: Record<string, string>) {
    const own = Object.keys(declared.roles).map((name) => [name, unprivileged(roles, name)] as const);
    this.#declared = declared;
    this.#moves = moves;
    this.#former = former;
    this.roles = new Map([...roles, ...own]);
  }

  /** @param now its owner at present */
  ownerOf(object: string, now: string): string {
    return this.#moves.owners.get(object) ?? now;
  }

  /** The owner before the stack came. */
  formerOwnerOf(object: string, now: string): string {
    return this.#former[object] ?? now;
  }

  /**
   * ALTER ... OWNER TO makes what the old owner held the new one's (PostgreSQL's aclnewowner); one that is no superuser
   * is granted what it had (see keptAccess).
   */
  aclOf(object: string, owner: string, acl: string[]): Grant[] {
    const keeps = !this.#moves.superusers.has(object) && !Object.hasOwn(this.#declared.roles, owner);
    return parseAcl(acl).flatMap((grant) => {
      if (grant.grantee !== owner) return [grant];
      return [{ ...grant, grantee: this.ownerOf(object, owner) }, ...(keeps ? [grant] : [])];
    });
  }

  /** Whether `role` has `privilege` on the object, by itself, by inheritance or as PUBLIC has it. */
  may(role: string, privilege: string, subject: Subject): boolean {
    if (isSuperuser(this.roles, role)) return true;
    const rights = rightsOf(this.roles, role);
    if (holds(this.aclOf(subject.name, subject.owner, subject.acl), privilege, rights)) return true;
    return [...rights].some((one) => this.#given(one, grantable(subject)).includes(privilege));
  }

  /** Whether `role` may SELECT the columns of the relation. */
  mayRead(role: string, relation: Subject & ReadColumns): boolean {
    const { columns } = relation;
    return this.may(role, "SELECT", relation) || (columns.length > 0 && columns.every(this.#readable(role, relation)));
  }

  /** Whether `role` may SELECT anything of the relation at all. */
  mayReadPart(role: string, relation: Subject & ReadColumns): boolean {
    return this.may(role, "SELECT", relation) || relation.columns.some(this.#readable(role, relation));
  }

  #readable(role: string, relation: Subject) {
    const { name, owner } = relation;
    const rights = rightsOf(this.roles, role);
    return (column: ReadColumns["columns"][number]) =>
      holds(this.aclOf(name, owner, column.acl), "SELECT", rights) ||
      [...rights].some((one) =>
        this.#given(one, { ...grantable(relation), kind: "column", column: column.name }).includes("SELECT"),
      );
  }

  /** Whether this up itself gives `role` the privilege, by access level or explicit grant. */
  gives(role: string, privilege: string, subject: Subject): boolean {
    return this.#given(role, grantable(subject)).includes(privilege);
  }

  /** As `gives`, by a grant on any of these columns too. */
  givesPart(role: string, privilege: string, relation: Subject, columns: string[]): boolean {
    const object = grantable(relation);
    return (
      this.#given(role, object).includes(privilege) ||
      columns.some((column) => this.#given(role, { ...object, kind: "column", column }).includes(privilege))
    );
  }

  #given(role: string, object: Grantable): string[] {
    const { roles, schemas } = this.#declared;
    const declared = Object.hasOwn(roles, role) ? roles[role] : undefined;
    if (!declared) return [];
    const byLevel = schemas.includes(object.schema) ? privilegesOn(declared.access, object) : [];
    return [...byLevel, ...grantedOn(declared.grants, object)];
  }
}

/** What AfterUp is made from, by the resource that warns. */
export interface AfterUpFacts {
  declared: DeclaredAccess;
  former: Record<string, string>;
  /** Default: they are read. */
  objects?: OwnedObject[];
}

export function readAfterUp(db: Queryable, facts: AfterUpFacts, reads: SharedReads): Promise<AfterUp> {
  const { declared, former } = facts;
  const { roles: _, ...places } = declared;
  return reads.once(
    db,
    async () => {
      const readMoves = async () => movesOf(declared, facts.objects ?? (await ownedBy(db, declared)));
      const moves = await reads.once(db, readMoves, JSON.stringify(["moves", places]));
      return new AfterUp(declared, await reads.once(db, readRoles), moves, former);
    },
    JSON.stringify(["after the up", declared]),
  );
}

/** What this up makes of the owners of what there is. */
interface Moves {
  /** Object to its owner afterwards. */
  owners: Map<string, string>;
  /** Objects that a superuser owns now. */
  superusers: Set<string>;
}

async function ownedBy(db: Queryable, declared: DeclaredAccess): Promise<OwnedObject[]> {
  return declared.owner === undefined ? [] : readOwnedObjects(db, schemasOf({ ...declared, owner: "", roles: [] }));
}

function movesOf({ owner, ...places }: DeclaredAccess, objects: OwnedObject[]): Moves {
  const owners = objects.flatMap((object) => {
    const next = owner === undefined ? undefined : ownerFor({ ...places, owner, roles: [] }, object);
    return next === undefined ? [] : [[object.key, next] as const];
  });
  return {
    owners: new Map(owners),
    superusers: new Set(objects.filter(({ isSuperusers }) => isSuperusers).map(({ key }) => key)),
  };
}

function unprivileged(roles: Roles, name: string) {
  const memberOf = roles.get(name)?.memberOf ?? [];
  return { superuser: false, bypassesRowSecurity: false, memberOf };
}

const keywords = { table: "TABLE", sequence: "SEQUENCE", routine: "ROUTINE", schema: "SCHEMA" } as const;

/** As the privileges' own rules take it. */
function grantable({ name, kind = "table", schema, owner, securityDefiner = false }: Subject): Grantable {
  const identity = kind === "routine" ? name.replace(/^\w+ /, "") : name;
  const object = kind === "schema" ? name : (splitName(identity)?.object ?? identity);
  const [, routine, args] = /^("(?:[^"]|"")+"|[^"(]+)\((.*)\)$/s.exec(object) ?? [];
  return {
    key: name,
    kind,
    schema,
    name: unquoted(routine ?? object),
    owner,
    ...(kind === "routine" && args !== undefined && { argumentTypes: args.replaceAll(", ", ",") }),
    target: { keyword: keywords[kind], name: identity },
    securityDefiner,
  };
}
