import { escapeIdentifier } from "pg";
import type { Snapshot } from "../baseline/contract.ts";
import { type Grant, parseAcl } from "../postgres/acl.ts";
import type { OwnedObject } from "./objects.ts";

/** A GRANT or REVOKE in the transaction that changes an object's owner. */
export interface MovePrivilege {
  sql: string;
  /** Role to run it as; undefined: the new owner, in whose name a superuser's statement runs anyway. */
  as: string | undefined;
}

/** An object, or a sequence that follows it, with its privileges. */
interface Part {
  key: string;
  /** Text after ON in a GRANT. */
  target: string;
  acl: string[] | null;
  columnAcls: Record<string, string[]>;
}

/**
 * Grants the previous owner the privileges it has now, in the transaction of the move, so that its views, SECURITY DEFINER
 * routines and sessions never stop working. When the owner is restored, Postgres merges them into the owner's privileges.
 */
export function keptAccess(object: OwnedObject): MovePrivilege[] {
  const grantee = escapeIdentifier(object.owner);
  const grant = (what: string, target: string) => ({ sql: `GRANT ${what} ON ${target} TO ${grantee}`, as: undefined });
  const privilegesIn = (acl: string[]) => [
    ...new Set(
      parseAcl(acl)
        .filter((entry) => entry.grantee === object.owner)
        .map(({ privilege }) => privilege),
    ),
  ];
  return partsOf(object).flatMap(({ target, acl, columnAcls }) => {
    const own = acl ? privilegesIn(acl) : ["ALL PRIVILEGES"];
    const columns = Object.entries(columnAcls).flatMap(([column, items]) =>
      privilegesIn(items).map((privilege) => grant(`${privilege} (${escapeIdentifier(column)})`, target)),
    );
    return [...(own.length > 0 ? [grant(own.join(", "), target)] : []), ...columns];
  });
}

/**
 * Restores an object's privileges from the baseline, after `previous` has become its owner again. See restoration.
 * @param nameOf returns the name in the baseline
 */
export function restoredPrivileges(
  object: OwnedObject,
  recorded: Pick<Snapshot, "acls" | "columnAcls">,
  previous: string,
  nameOf: (key: string) => string = (key) => key,
): MovePrivilege[] {
  return partsOf(object).flatMap((part) => {
    const key = nameOf(part.key);
    const was: Acls = parse(recorded.acls[key], recorded.columnAcls[key]);
    // With default privileges only, the moves cannot have merged anything.
    const own = recorded.acls[key] === undefined ? [] : part.acl;
    const is = parse(own, part.columnAcls);
    return restoration(was, is, previous, object.owner).map((change) => statement(change, part, previous));
  });
}

function parse(own: string[] | null | undefined, columns: Record<string, string[]> | undefined): Acls {
  const entries = Object.entries(columns ?? {}).map(([column, acl]): [string, Grant[]] => [column, parseAcl(acl)]);
  return { own: parseAcl(own ?? []), columns: Object.fromEntries(entries) };
}

function statement({ action, column, grant }: AclChange, { target }: Part, owner: string): MovePrivilege {
  const what = column === undefined ? grant.privilege : `${grant.privilege} (${escapeIdentifier(column)})`;
  const grantee = grant.grantee === "" ? "PUBLIC" : escapeIdentifier(grant.grantee);
  const as = grant.grantor === owner ? undefined : grant.grantor;
  if (action === "grant") {
    return { sql: `GRANT ${what} ON ${target} TO ${grantee}${grant.grantable ? " WITH GRANT OPTION" : ""}`, as };
  }
  const scope = action === "revoke" ? "" : "GRANT OPTION FOR ";
  return { sql: `REVOKE ${scope}${what} ON ${target} FROM ${grantee}`, as };
}

/** The object and its linked sequences; empty for a kind without privileges. */
function partsOf({ key, type, identity, acl, columnAcls, sequences }: OwnedObject): Part[] {
  const keyword = keywords[type];
  if (!keyword) return [];
  return [
    { key, target: `${keyword} ${identity}`, acl, columnAcls },
    ...sequences.map((one) => ({
      key: one.identity,
      target: `SEQUENCE ${one.identity}`,
      acl: one.acl,
      columnAcls: {},
    })),
  ];
}

/** Type in pg_identify_object to the keyword in GRANT; other types have no privileges. */
const keywords: Record<string, string> = {
  table: "TABLE",
  "foreign table": "TABLE",
  view: "TABLE",
  "materialized view": "TABLE",
  sequence: "SEQUENCE",
  function: "ROUTINE",
  procedure: "ROUTINE",
  aggregate: "ROUTINE",
  type: "TYPE",
};

/** The privileges on an object and on its columns. */
export interface Acls {
  own: Grant[];
  columns: Record<string, Grant[]>;
}

/** A GRANT or REVOKE on the object or on one of its columns. */
export interface AclChange {
  action: "grant" | "revoke" | "revoke grant option";
  column: string | undefined;
  grant: Grant;
}

/**
 * The effect of ALTER ... OWNER on a list: the new owner replaces the previous one as grantee and grantor, and entries between
 * the same two roles are merged (aclnewowner in PostgreSQL's source).
 */
function afterOwnerChange(grants: Grant[], from: string, to: string): Grant[] {
  const next = new Map<string, Grant>();
  for (const grant of grants) {
    const moved = imageOf(grant, from, to);
    const same = next.get(keyOf(moved));
    next.set(keyOf(moved), { ...moved, grantable: moved.grantable || same?.grantable === true });
  }
  return [...next.values()];
}

/**
 * The grants and revokes that restore `was` after an object was moved from `previous` to `owner` and back. The two moves merged
 * the privileges that `owner` had before into those of `previous`, and made `previous` the grantor of its grants. `is` holds the
 * privileges before the move back. Grants and revokes that were made in between are kept.
 */
function restoration(was: Acls, is: Acls, previous: string, owner: string): AclChange[] {
  const own = difference(was.own, is.own, previous, owner, undefined);
  const revoked = own.filter(({ action }) => action !== "grant");
  const names = Object.keys({ ...was.columns, ...is.columns });
  return [
    ...own,
    ...names.flatMap((column) =>
      difference(was.columns[column] ?? [], is.columns[column] ?? [], previous, owner, column, revoked),
    ),
  ];
}

/** @param revoked revoked on the table, and therefore (see REVOKE) on its columns */
function difference(
  was: Grant[],
  is: Grant[],
  previous: string,
  owner: string,
  column: string | undefined,
  revoked: AclChange[] = [],
): AclChange[] {
  const target = targetOf(was, is, previous, owner);
  const present = afterRevokes(afterOwnerChange(is, owner, previous), revoked);
  const [existing, wanted] = [byKey(present), byKey(target)];
  const missing = target.filter((grant) => {
    const now = existing.get(keyOf(grant));
    return !now || (grant.grantable && !now.grantable);
  });
  return [
    // Grants first, so that no grant depends on a grant option that is already revoked.
    ...inGrantOrder(missing, present, previous).map((grant) => ({ action: "grant" as const, column, grant })),
    ...present.flatMap((grant): AclChange[] => {
      const keeps = wanted.get(keyOf(grant));
      if (!keeps) return [{ action: "revoke", column, grant }];
      return grant.grantable && !keeps.grantable ? [{ action: "revoke grant option", column, grant }] : [];
    }),
  ];
}

function targetOf(was: Grant[], is: Grant[], previous: string, owner: string): Grant[] {
  const live = byKey(is);
  const images = new Map<string, Grant[]>();
  for (const grant of was) {
    const key = keyOf(imageOf(grant, previous, owner));
    images.set(key, [...(images.get(key) ?? []), grant]);
  }
  const restored = [...images].flatMap(([key, grants]) => {
    const now = live.get(key);
    if (!now) return []; // revoked meanwhile
    const hadOption = grants.some(({ grantable }) => grantable);
    return grants.map((grant) => ({ ...grant, grantable: now.grantable && (grant.grantable || !hadOption) }));
  });
  const others = is.filter((grant) => !images.has(keyOf(grant)));
  const merged = byKey(restored);
  // Later grants, such as the access of the previous owner, are merged as Postgres does it.
  for (const grant of afterOwnerChange(others, owner, previous)) {
    const same = merged.get(keyOf(grant));
    merged.set(keyOf(grant), { ...grant, grantable: grant.grantable || same?.grantable === true });
  }
  return [...merged.values()];
}

function afterRevokes(grants: Grant[], revoked: AclChange[]): Grant[] {
  return grants.flatMap((grant) => {
    const change = revoked.find((one) => keyOf(one.grant) === keyOf(grant));
    if (!change) return [grant];
    return change.action === "revoke" ? [] : [{ ...grant, grantable: false }];
  });
}

/** A grantor needs the grant option first; a grant whose grantor has lost the option meanwhile is left out. */
function inGrantOrder(missing: Grant[], existing: Grant[], owner: string): Grant[] {
  const ordered: Grant[] = [];
  let waiting = missing;
  for (;;) {
    const options = [...existing, ...ordered].filter(({ grantable }) => grantable);
    const ready = waiting.filter(
      ({ grantor, privilege }) =>
        grantor === owner || options.some((one) => one.grantee === grantor && one.privilege === privilege),
    );
    if (ready.length === 0) return ordered;
    ordered.push(...ready);
    waiting = waiting.filter((grant) => !ready.includes(grant));
  }
}

function imageOf(grant: Grant, from: string, to: string): Grant {
  const moved = (name: string) => (name === from ? to : name);
  return { ...grant, grantee: moved(grant.grantee), grantor: moved(grant.grantor) };
}

function keyOf({ grantee, grantor, privilege }: Grant): string {
  return JSON.stringify([grantee, grantor, privilege]);
}

function byKey(grants: Grant[]): Map<string, Grant> {
  return new Map(grants.map((grant) => [keyOf(grant), grant]));
}
