import { type DeclaredAccess, declaredAccess } from "../../../model/declared-access.ts";
import { PreviousOwners } from "../../../provider/baseline/previous-owners.ts";
import { baseline } from "../../../provider/baseline/resource.ts";
import { connectionBudget } from "../../../provider/budget/resource.ts";
import { ownership } from "../../../provider/ownership/resource.ts";
import { Server } from "../../../provider/postgres/connection.ts";
import { PrivilegeReader } from "../../../provider/privileges/reader.ts";
import { privileges } from "../../../provider/privileges/resource.ts";
import { publicPrivileges } from "../../../provider/public-privileges/resource.ts";
import { type PropertyMap, unknown } from "../../../provider/rpc/values.ts";
import { testCall } from "../calls.ts";
import type { TestPostgres } from "../postgres.ts";

/** The part of a stack's declaration that its warnings depend on. */
export interface WarnedStack {
  databases: Record<
    string,
    Partial<Omit<DeclaredAccess, "roles">> & { schemas: string[]; revokeFromPublic?: "CONNECT"[] }
  >;
  roles: Record<
    string,
    { access?: Record<string, "owner" | "writer" | "reader">; grants?: Record<string, object>; adopt?: boolean }
  >;
  legacyUsers: string[];
}

type Snapshots = Record<string, PropertyMap>;

/** All warnings of the stack, each with its resource: `Baseline shop: app.x: ...`. */
export async function warningsOfStack(
  { address }: TestPostgres,
  stack: WarnedStack,
  snapshots?: Snapshots,
): Promise<{ warnings: string[]; snapshots: Snapshots }> {
  const server = new Server(address);
  const previousOwners = new PreviousOwners();
  const warnings: string[] = [];
  const note = (
    what: string,
    {
      warnings: lines = [],
      failures = [],
    }: Pick<Awaited<ReturnType<ReturnType<typeof baseline>["plan"]>>, "warnings" | "failures">,
  ) => {
    if (failures.length > 0) throw new Error(`${what}: ${failures.map(({ reason }) => reason).join("; ")}`);
    warnings.push(...lines.map((line) => `${what}: ${line}`));
  };
  const found: Snapshots = {};
  try {
    const names = Object.keys(stack.roles);
    const { legacyUsers } = stack;
    const access = Object.fromEntries(
      Object.keys(stack.databases).map((database) => [
        database,
        names.filter((role) => stack.roles[role]?.access?.[database] ?? stack.roles[role]?.grants?.[database]),
      ]),
    );
    const closed = Object.keys(stack.databases).filter((name) => stack.databases[name]?.revokeFromPublic);
    const entries = names.map((role) => ({ role, limit: 1, source: "declared" as const }));
    const budget = { ceiling: 95, entries, databases: Object.keys(stack.databases), access, closed, legacyUsers };
    note("ConnectionBudget", await connectionBudget(server).plan(budget, undefined, {}));
    const adopt = names.filter((role) => stack.roles[role]?.adopt);
    for (const [database, { schemas, keepOwner = {}, alsoOwn = [] }] of Object.entries(stack.databases)) {
      const inputs = { database, schemas, keepOwner, alsoOwn, roles: names, adopt, legacyUsers };
      const before = snapshots ? { snapshot: snapshots[database] as PropertyMap } : {};
      const plan = await baseline(server, previousOwners).plan(
        { ...inputs, declared: declaredOf(stack, database) },
        undefined,
        before,
      );
      // The warning about an adopted role is about the up itself, and not repeated after it.
      note(`Baseline ${database}`, {
        ...plan,
        warnings: (plan.warnings ?? []).filter((line) => !/is adopted/.test(line)),
      });
      found[database] = plan.observed?.snapshot as PropertyMap;
    }
    const of = privileges(server, new PrivilegeReader(0), previousOwners);
    for (const inputs of privilegesInputs(stack)) {
      const before = snapshots ? [] : unknown;
      note(
        `Privileges ${inputs.role}/${inputs.database}`,
        await of.plan({ ...inputs, before }, snapshots && { ...inputs, before: [] }, {}),
      );
    }
    for (const inputs of ownershipInputs(stack, snapshots)) {
      note(`Ownership ${inputs.database}`, await ownership(server).plan(inputs, undefined, {}));
    }
  } finally {
    await server.close();
  }
  return { warnings: warnings.sort(), snapshots: found };
}

/** Runs the part of the stack's up that the warnings depend on. */
export async function upOfStack(postgres: TestPostgres, stack: WarnedStack, snapshots: Snapshots): Promise<void> {
  const admin = await postgres.connect();
  for (const [role, { adopt }] of Object.entries(stack.roles)) {
    const name = admin.escapeIdentifier(role);
    await admin.query(
      adopt ? `ALTER ROLE ${name} NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB` : `CREATE ROLE ${name} LOGIN`,
    );
  }
  await admin.end();
  const server = new Server(postgres.address);
  try {
    for (const inputs of privilegesInputs(stack)) {
      await privileges(server, new PrivilegeReader(0)).apply({ ...inputs, before: [] }, undefined, testCall());
    }
    for (const inputs of ownershipInputs(stack, snapshots))
      await ownership(server).apply(inputs, undefined, testCall());
    for (const [database, { revokeFromPublic: revoke }] of Object.entries(stack.databases)) {
      if (!revoke) continue;
      const inputs = { database, revoke, roles: Object.keys(stack.roles), former: snapshots[database] as never };
      await publicPrivileges(server).apply(inputs, undefined, testCall());
    }
  } finally {
    await server.close();
  }
}

function declaredOf({ databases, roles }: WarnedStack, database: string): DeclaredAccess {
  const { revokeFromPublic: _, ...places } = databases[database] as WarnedStack["databases"][string];
  const access = Object.entries(roles).map(([role, one]) => [
    role,
    { access: one.access?.[database], grants: one.grants?.[database] },
  ]);
  return declaredAccess.parse({ ...places, roles: Object.fromEntries(access) });
}

function privilegesInputs(stack: WarnedStack) {
  return Object.entries(stack.roles).flatMap(([role, { access = {}, grants = {} }]) =>
    Object.entries(stack.databases)
      .filter(([database]) => access[database] ?? grants[database])
      .map(([database, { schemas, owner }]) => ({
        ...{ role, database, schemas, access: access[database], grants: grants[database] as never },
        creators: [...new Set([...(owner ? [owner] : []), ...stack.legacyUsers])].filter((one) => one !== role),
        legacyUsers: stack.legacyUsers,
        declared: declaredOf(stack, database),
      })),
  );
}

function ownershipInputs(stack: WarnedStack, snapshots: Snapshots | undefined) {
  const { roles, legacyUsers } = stack;
  return Object.entries(stack.databases).flatMap(([database, { schemas, owner, keepOwner = {}, alsoOwn = [] }]) => {
    if (owner === undefined) return [];
    const former = snapshots ? (snapshots[database] as never) : unknown;
    const inputs = { database, schemas, owner, keepOwner, alsoOwn, roles: Object.keys(roles), former, legacyUsers };
    return [{ ...inputs, declared: declaredOf(stack, database) }];
  });
}
