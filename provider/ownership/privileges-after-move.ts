import { escapeIdentifier } from "pg";
import type { Snapshot } from "../baseline/contract.ts";
import { type Grant, parseAcl } from "../postgres/acl.ts";
import { type AclChange, type Acls, restoration } from "./acl-after-move.ts";
import type { OwnedObject } from "./objects.ts";

/** A GRANT or REVOKE that belongs in an object's move. */
export interface MovePrivilege {
  sql: string;
  /** Role to act as; undefined: the object's new owner, as which a superuser acts by itself. */
  as: string | undefined;
}

/** What an object and the sequences that follow it have privileges on. */
interface Part {
  key: string;
  /** What stands after ON in a GRANT. */
  target: string;
  acl: string[] | null;
  columnAcls: Record<string, string[]>;
}

/**
 * Grants the former owner what it may do now: its views, SECURITY DEFINER routines and sessions go on, at every moment.
 * They run in the transaction of the move; on the way back Postgres merges them into the owner's own privileges.
 */
export function keptAccess(object: OwnedObject): MovePrivilege[] {
  const grantee = escapeIdentifier(object.owner);
  const grant = (what: string, target: string) => ({ sql: `GRANT ${what} ON ${target} TO ${grantee}`, as: undefined });
  const held = (acl: string[]) => [
    ...new Set(
      parseAcl(acl)
        .filter((entry) => entry.grantee === object.owner)
        .map(({ privilege }) => privilege),
    ),
  ];
  return partsOf(object).flatMap(({ target, acl, columnAcls }) => {
    const own = acl ? held(acl) : ["ALL PRIVILEGES"];
    const columns = Object.entries(columnAcls).flatMap(([column, items]) =>
      held(items).map((privilege) => grant(`${privilege} (${escapeIdentifier(column)})`, target)),
    );
    return [...(own.length > 0 ? [grant(own.join(", "), target)] : []), ...columns];
  });
}

/** What makes an object's privileges again what they were, once it is back with `former`. `nameOf` gives the name it is recorded by. See restoration. */
export function restoredPrivileges(
  object: OwnedObject,
  recorded: Pick<Snapshot, "acls" | "columnAcls">,
  former: string,
  nameOf: (key: string) => string = (key) => key,
): MovePrivilege[] {
  return partsOf(object).flatMap((part) => {
    const key = nameOf(part.key);
    const was: Acls = parse(recorded.acls[key], recorded.columnAcls[key]);
    // Where only the defaults held, the moves can have merged nothing.
    const own = recorded.acls[key] === undefined ? [] : part.acl;
    const is = parse(own, part.columnAcls);
    return restoration(was, is, former, object.owner).map((change) => statement(change, part, former));
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

/** The object itself, when its kind has privileges, and its linked sequences. */
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

/** pg_identify_object's name of a type to GRANT's keyword; other types have no privileges. */
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
