import type { DeclaredAccess } from "../../model/declared-access.ts";
import { ownerFor, schemasOf } from "../ownership/moves.ts";
import { type OwnedObject, readOwnedObjects } from "../ownership/objects.ts";
import { type Grant, parseAcl } from "../postgres/acl.ts";
import type { Queryable } from "../postgres/connection.ts";
import { splitName, unquoted } from "../postgres/names.ts";
import { privilegesOn } from "../privileges/access-levels.ts";
import { grantedOn } from "../privileges/explicit-grants.ts";
import type { Grantable } from "../privileges/table.ts";
import type { AfterUpFacts } from "./facts.ts";
import { holds, isSuperuser, type Roles, readRoles, rolesOf } from "./roles.ts";
import type { SharedReads } from "./warning.ts";

/** A relation, sequence, routine or schema as it is now, with the facts that decide privileges on it. */
export interface Subject {
  /** As users and the plan name it: `app.orders`, `function app.f(integer)`; for a schema the bare name. */
  name: string;
  /** Default: table, meaning any relation that can be read. */
  kind?: "table" | "sequence" | "routine" | "schema";
  schema: string;
  owner: string;
  /** Includes the default privileges (`acldefault`) where nothing was granted. */
  acl: string[];
  securityDefiner?: boolean;
}

/** The columns of a relation that a query reads, with the privileges on each. */
export interface ReadColumns {
  columns: { name: string; acl: string[] }[];
}

/**
 * The server after this up: the only place that answers whether a role can do something then. It counts the privileges that
 * are granted now and those that this up grants: by owner, access level and explicit grant, and those a previous owner keeps.
 */
export class AfterUp {
  /** The stack's roles are not superusers then, even if an adopted role is one now. */
  readonly roles: Roles;
  readonly #declared: DeclaredAccess;
  readonly #moves: Moves;
  readonly #previousOwners: Record<string, string>;

  constructor(declared: DeclaredAccess, roles: Roles, moves: Moves, previousOwners: Record<string, string>) {
    const own = Object.keys(declared.roles).map((name) => [name, unprivileged(roles, name)] as const);
    this.#declared = declared;
    this.#moves = moves;
    this.#previousOwners = previousOwners;
    this.roles = new Map([...roles, ...own]);
  }

  /** @param now the present owner */
  ownerOf(object: string, now: string): string {
    return this.#moves.owners.get(object) ?? now;
  }

  /** The owner according to the baseline. */
  previousOwnerOf(object: string, now: string): string {
    return this.#previousOwners[object] ?? now;
  }

  /**
   * ALTER ... OWNER TO transfers the previous owner's privileges to the new owner (PostgreSQL's aclnewowner); a previous owner
   * that is not a superuser is granted them again (see keptAccess).
   */
  aclOf(object: string, owner: string, acl: string[]): Grant[] {
    const keeps = !this.#moves.superusers.has(object) && !Object.hasOwn(this.#declared.roles, owner);
    return parseAcl(acl).flatMap((grant) => {
      if (grant.grantee !== owner) return [grant];
      return [{ ...grant, grantee: this.ownerOf(object, owner) }, ...(keeps ? [grant] : [])];
    });
  }

  /** Whether `role` has `privilege` on the object: directly, by inheritance or through PUBLIC. */
  may(role: string, privilege: string, subject: Subject): boolean {
    if (isSuperuser(this.roles, role)) return true;
    const effective = rolesOf(this.roles, role);
    if (holds(this.aclOf(subject.name, subject.owner, subject.acl), privilege, effective)) return true;
    return [...effective].some((one) => this.#granted(one, grantable(subject)).includes(privilege));
  }

  /** Whether `role` can SELECT these columns of the relation. */
  mayRead(role: string, relation: Subject & ReadColumns): boolean {
    const { columns } = relation;
    return this.may(role, "SELECT", relation) || (columns.length > 0 && columns.every(this.#readable(role, relation)));
  }

  /** Whether `role` can SELECT at least one column of the relation. */
  mayReadPart(role: string, relation: Subject & ReadColumns): boolean {
    return this.may(role, "SELECT", relation) || relation.columns.some(this.#readable(role, relation));
  }

  #readable(role: string, relation: Subject) {
    const { name, owner } = relation;
    const effective = rolesOf(this.roles, role);
    return (column: ReadColumns["columns"][number]) =>
      holds(this.aclOf(name, owner, column.acl), "SELECT", effective) ||
      [...effective].some((one) =>
        this.#granted(one, { ...grantable(relation), kind: "column", column: column.name }).includes("SELECT"),
      );
  }

  /** Whether this up itself grants `role` the privilege, by access level or explicit grant. */
  grants(role: string, privilege: string, subject: Subject): boolean {
    return this.#granted(role, grantable(subject)).includes(privilege);
  }

  /** Like `grants`, also by a grant on any of these columns. */
  grantsPart(role: string, privilege: string, relation: Subject, columns: string[]): boolean {
    const object = grantable(relation);
    return (
      this.#granted(role, object).includes(privilege) ||
      columns.some((column) => this.#granted(role, { ...object, kind: "column", column }).includes(privilege))
    );
  }

  #granted(role: string, object: Grantable): string[] {
    const { roles, schemas } = this.#declared;
    const declared = Object.hasOwn(roles, role) ? roles[role] : undefined;
    if (!declared) return [];
    const byLevel = schemas.includes(object.schema) ? privilegesOn(declared.access, object) : [];
    return [...byLevel, ...grantedOn(declared.grants, object)];
  }
}

export function readAfterUp(db: Queryable, facts: AfterUpFacts, reads: SharedReads): Promise<AfterUp> {
  const { declared, previousOwners } = facts;
  const { roles: _, ...places } = declared;
  return reads.once(
    db,
    async () => {
      const readMoves = async () => movesOf(declared, facts.objects ?? (await ownedBy(db, declared)));
      const moves = await reads.once(db, readMoves, JSON.stringify(["moves", places]));
      return new AfterUp(declared, await reads.once(db, readRoles), moves, previousOwners);
    },
    JSON.stringify(["after the up", declared]),
  );
}

/** The changes of owner that this up makes. */
interface Moves {
  /** Object to its owner after the up. */
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

/** In the form that the rules for privileges take. */
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
