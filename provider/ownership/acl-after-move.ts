import type { Grant } from "../postgres/acl.ts";

/** What an object's privileges were, or are: its own list and its columns'. */
export interface Acls {
  own: Grant[];
  columns: Record<string, Grant[]>;
}

/** One GRANT or REVOKE on the object, or on one column of it. */
export interface AclChange {
  action: "grant" | "revoke" | "revoke grant option";
  column: string | undefined;
  grant: Grant;
}

/**
 * What ALTER ... OWNER does to a list: the new owner takes the old one's place as grantee and as grantor, and entries
 * that are then between the same two roles become one (aclnewowner in PostgreSQL's source).
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
 * What is to be granted and revoked after an object that was moved from `former` to `owner` has moved back, so that it
 * is as it was, `was`: the two moves merged what `owner` held before into the former owner's privileges, and gave its
 * grants to others to the former owner as grantor. `is` stands for the privileges before the way back. What somebody
 * granted or revoked in between stays so.
 */
export function restoration(was: Acls, is: Acls, former: string, owner: string): AclChange[] {
  const own = difference(was.own, is.own, former, owner, undefined);
  const taken = own.filter(({ action }) => action !== "grant");
  const names = Object.keys({ ...was.columns, ...is.columns });
  return [
    ...own,
    ...names.flatMap((column) =>
      difference(was.columns[column] ?? [], is.columns[column] ?? [], former, owner, column, taken),
    ),
  ];
}

/** `taken`: revoked on the table, and so (see REVOKE) on its columns too. */
function difference(
  was: Grant[],
  is: Grant[],
  former: string,
  owner: string,
  column: string | undefined,
  taken: AclChange[] = [],
): AclChange[] {
  const target = targetOf(was, is, former, owner);
  const back = afterTaking(afterOwnerChange(is, owner, former), taken);
  const [held, wanted] = [byKey(back), byKey(target)];
  const missing = target.filter((grant) => {
    const now = held.get(keyOf(grant));
    return !now || (grant.grantable && !now.grantable);
  });
  return [
    // Before anything is revoked, so that no grant hangs on an option that is gone.
    ...inGrantOrder(missing, back, former).map((grant) => ({ action: "grant" as const, column, grant })),
    ...back.flatMap((grant): AclChange[] => {
      const keeps = wanted.get(keyOf(grant));
      if (!keeps) return [{ action: "revoke", column, grant }];
      return grant.grantable && !keeps.grantable ? [{ action: "revoke grant option", column, grant }] : [];
    }),
  ];
}

function targetOf(was: Grant[], is: Grant[], former: string, owner: string): Grant[] {
  const live = byKey(is);
  const images = new Map<string, Grant[]>();
  for (const grant of was) {
    const key = keyOf(imageOf(grant, former, owner));
    images.set(key, [...(images.get(key) ?? []), grant]);
  }
  const restored = [...images].flatMap(([key, grants]) => {
    const now = live.get(key);
    if (!now) return []; // revoked since
    const hadOption = grants.some(({ grantable }) => grantable);
    return grants.map((grant) => ({ ...grant, grantable: now.grantable && (grant.grantable || !hadOption) }));
  });
  const others = is.filter((grant) => !images.has(keyOf(grant)));
  const merged = byKey(restored);
  // What came since, such as the former owner's access, is merged as by Postgres.
  for (const grant of afterOwnerChange(others, owner, former)) {
    const same = merged.get(keyOf(grant));
    merged.set(keyOf(grant), { ...grant, grantable: grant.grantable || same?.grantable === true });
  }
  return [...merged.values()];
}

function afterTaking(grants: Grant[], taken: AclChange[]): Grant[] {
  return grants.flatMap((grant) => {
    const change = taken.find((one) => keyOf(one.grant) === keyOf(grant));
    if (!change) return [grant];
    return change.action === "revoke" ? [] : [{ ...grant, grantable: false }];
  });
}

/** Who grants must hold the grant option first; a grant whose grantor has lost it since has gone with it. */
function inGrantOrder(missing: Grant[], held: Grant[], owner: string): Grant[] {
  const ordered: Grant[] = [];
  let waiting = missing;
  for (;;) {
    const options = [...held, ...ordered].filter(({ grantable }) => grantable);
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
