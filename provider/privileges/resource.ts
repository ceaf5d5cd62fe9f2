import type { z } from "zod";
import type { DeclaredAccess } from "../../model/declared-access.ts";
import { PreviousOwners } from "../baseline/previous-owners.ts";
import type { InputsOf } from "../contract.ts";
import type { guardedPrivileges } from "../destroy-guard/contract.ts";
import {
  superusersContainerReasons,
  superusersPrivilegesWarning,
  withoutSuperusers,
} from "../ownership/superusers-objects.ts";
import type { Queryable, Server } from "../postgres/connection.ts";
import { driftIn, isMissingDatabase, planIn } from "../postgres/databases.ts";
import { listOf } from "../postgres/explain.ts";
import { actingFor, memberReason, type Unreachable, unreachableRoles } from "../postgres/membership.ts";
import { existingRoles, isSuperuser } from "../postgres/roles.ts";
import { missingSchemas, schemaNames } from "../postgres/schemas.ts";
import { refuseWhileInUse } from "../postgres/sessions.ts";
import { inExclusiveTransaction } from "../postgres/transaction.ts";
import type { Reconciler } from "../reconciler.ts";
import { refuseUnreviewed } from "../reviewed.ts";
import type { Call, CheckFailure } from "../rpc/provider.ts";
import { Unknown } from "../rpc/values.ts";
import { privilegesWarnings } from "../warnings/index.ts";
import { SharedReads, warningsOf } from "../warnings/warning.ts";
import { AclSizes } from "./acl-size.ts";
import { carryOut } from "./carry-out.ts";
import { privilegesContract } from "./contract.ts";
import { schemasIn, unmatchedNames, withColumns } from "./explicit-grants.ts";
import { grantedOnwardProblems } from "./granted-onward.ts";
import { type Place, type PrivilegeCatalog, type PrivilegeGoal, type PrivilegePlan, planPrivileges } from "./plan.ts";
import { PrivilegeReader } from "./reader.ts";
import { type PrivilegeStatement, privilegeStatements } from "./statements.ts";
import { describeHeld, describePrivileges, summarizePrivileges } from "./words.ts";

type Inputs = InputsOf<typeof privilegesContract>;

/**
 * Privileges of one role in one database, on existing and future objects.
 *
 * @param admin the role that an up runs as, whose reach limits the drift; default: that of the session
 */
export function privileges(
  server: Server,
  reader = new PrivilegeReader(),
  previousOwners = new PreviousOwners(),
  admin?: string,
): Reconciler<typeof privilegesContract> {
  const summaries = new Map<string, string>();
  // Database to the reads that the warnings of all its roles share.
  const reads = new Map<string, SharedReads>();
  const read = readerOf(reader);
  const sizes = new AclSizes();
  const nameOf = ({ role, database }: Inputs) => `${role}/${database}`;
  return {
    contract: privilegesContract,
    identity: ["role", "database"],
    hidden: ["before"],
    advisory: ["legacyUsers", "logins", "declared"],
    id: nameOf,

    plan: (inputs, previousInputs) =>
      planIn(server, inputs.database, () =>
        server.session(inputs.database, async (db) => {
          const previousGoal = previousGoalOf(inputs, previousInputs);
          const catalog = await read("forPlan", db, inputs, previousGoal);
          const failures = await unreadSchemas(db, inputs, catalog);
          if (failures.length > 0) return { changes: {}, failures };
          const whole = planFor(inputs, previousGoal, catalog);
          const unreachable = await unreachableOwners(db, whole);
          const { within: plan, beyond } = withoutSuperusers(whole, unreachable);
          const refused = [
            ...(await unsupportedPrivileges(db, inputs)),
            ...unreachableFailures(inputs, plan, unreachable),
            ...grantedOnward(inputs, plan, catalog),
            ...(await sizes.problems(db, inputs, plan)).map((reason) => ({ property: "", reason })),
          ];
          if (refused.length > 0) return { changes: describePrivileges(plan), failures: refused };
          summaries.set(nameOf(inputs), summarizePrivileges(inputs.role, plan, false));
          const shared = reads.get(inputs.database) ?? new SharedReads();
          reads.set(inputs.database, shared);
          const { access, legacyUsers = [], logins = [inputs.role], declared = declaredBy(inputs) } = inputs;
          const owners = previousOwners.of(inputs.database);
          const facts = { ...inputs, access, legacyUsers, logins, declared, previousOwners: owners };
          const warnings = await warningsOf(db, facts, privilegesWarnings, shared);
          const unmatched = unmatchedNames(inputs.grants, catalog.objects).map(
            (name) =>
              `${inputs.role}: grants in ${inputs.database}: ${name}: there is no such object (a name with capitals or dots needs double quotes)`,
          );
          return {
            changes: describePrivileges(plan),
            warnings: [
              ...unmatched,
              ...byHandWarnings(inputs, plan),
              ...onwardWarnings(inputs, catalog),
              ...superusersPrivilegesWarning(beyond, inputs.role, unreachable),
              ...warnings,
            ],
          };
        }),
      ),

    drift: (inputs) =>
      driftIn(inputs.database, () =>
        server.session(inputs.database, async (db) => {
          const whole = planFor(inputs, undefined, await read("forPlan", db, inputs, undefined));
          return describePrivileges(withoutSuperusers(whole, await unreachableOwners(db, whole, admin)).within);
        }),
      ),

    summarize: (inputs) => summaries.get(nameOf(inputs)),

    async apply(inputs, previousInputs, call) {
      const previousGoal = previousGoalOf(inputs, previousInputs);
      const doing = `granting ${inputs.role} its privileges in ${inputs.database}`;
      return inExclusiveTransaction(server, inputs.database, call, doing, async (db) => {
        const verify = !(await isSuperuser(db));
        const done = await change(db, inputs, call, verify, async () => {
          await refuseMissingRoles(db, inputs);
          const catalog = await read("forChange", db, inputs, previousGoal);
          const whole = planFor(inputs, previousGoal, catalog);
          const unreachable = await unreachableOwners(db, whole);
          const { within: plan } = withoutSuperusers(whole, unreachable);
          refuse([...unreachableFailures(inputs, plan, unreachable), ...grantedOnward(inputs, plan, catalog)]);
          refuseUnreviewed(call.urn, describePrivileges(plan));
          return plan;
        });
        sizes.granted(inputs);
        return done && summarizePrivileges(inputs.role, done, true);
      });
    },

    async remove(inputs, call) {
      const doing = `revoking the privileges of ${inputs.role} in ${inputs.database}`;
      try {
        await inExclusiveTransaction(server, inputs.database, call, doing, async (db) => {
          const names = await existingRoles(db, [inputs.role]);
          if (names.size === 0) return;
          const what = `revoke the privileges of ${inputs.role} in ${inputs.database}`;
          await refuseWhileInUse(db, inputs.role, what, inputs.database);
          let byHand: PrivilegePlan["byHand"] = [];
          await change(db, inputs, call, false, async () => {
            const catalog = await read("forChange", db, inputs, undefined);
            const whole = removalOf(inputs, catalog);
            const { within: plan } = withoutSuperusers(whole, await unreachableOwners(db, whole));
            refuse(grantedOnward(inputs, plan, catalog));
            byHand = plan.byHand;
            return plan;
          });
          if (byHand.length === 0) return;
          call.report.warn(
            `${inputs.role} keeps privileges that were granted by hand in ${inputs.database}: ${describeHeld(byHand)}. ` +
              "They are revoked when the role is dropped.",
          );
        });
      } catch (error) {
        if (!isMissingDatabase(error)) throw error;
      }
    },
  };
}

type Read = (
  purpose: "forPlan" | "forChange",
  db: Queryable,
  inputs: Inputs,
  previous: PrivilegeGoal | undefined,
) => Promise<PrivilegeCatalog>;

/** Reads the schemas of both goals; all schemas when privileges that were granted by hand must be revoked. */
function readerOf(reader: PrivilegeReader): Read {
  return async (purpose, db, inputs, previous) => {
    const goals = [goalOf(inputs), ...(previous ? [previous] : [])];
    const declared = goals.flatMap(({ schemas, grants }) => [...schemas, ...schemasIn(grants)]);
    const schemas = inputs.exclusive ? [...declared, ...(await schemaNames(db, "without"))] : declared;
    const catalog = await reader[purpose](db, inputs.database, inputs.role, [...new Set(schemas)]);
    return { ...catalog, objects: await withColumns(db, inputs.grants, catalog.objects) };
  };
}

function goalOf({ role, access, schemas, creators, grants, exclusive }: Inputs): PrivilegeGoal {
  return { role, access, schemas, creators, grants, exclusive };
}

function declaredBy({ role, access, schemas, grants }: Inputs): DeclaredAccess {
  return { schemas, keepOwner: {}, alsoOwn: [], roles: { [role]: { access, grants } } };
}

function baselineOf({ before }: Inputs) {
  return before instanceof Unknown ? [] : before;
}

/** The goal of the last up; undefined for another role or database, whose resource is deleted separately. */
function previousGoalOf(inputs: Inputs, previousInputs: Inputs | undefined): PrivilegeGoal | undefined {
  return previousInputs && previousInputs.role === inputs.role && previousInputs.database === inputs.database
    ? goalOf(previousInputs)
    : undefined;
}

function planFor(inputs: Inputs, previous: PrivilegeGoal | undefined, catalog: PrivilegeCatalog): PrivilegePlan {
  return planPrivileges(catalog, goalOf(inputs), previous, baselineOf(inputs));
}

function byHandWarnings(inputs: Inputs, { byHand }: PrivilegePlan): string[] {
  // Without the baseline, privileges that were granted by hand cannot be recognized.
  if (byHand.length === 0 || inputs.before instanceof Unknown) return [];
  return [
    `${inputs.role} holds privileges granted by hand, beyond ${inputs.access ?? "its grants"}; they stay: ${describeHeld(byHand)}`,
  ];
}

/** Further plans when objects were dropped or renamed meanwhile, or when Postgres only gave a warning. */
const furtherPlans = 2;

/**
 * Applies the plan of `makePlan` in the caller's transaction and skips objects that are dropped meanwhile. Returns the first plan
 * without skipped objects; undefined when there is nothing to do. With `verify` it throws when statements had no effect: to an
 * admin without the grant option Postgres only gives a warning.
 */
async function change(
  db: Queryable,
  inputs: Inputs,
  call: Call,
  verify: boolean,
  makePlan: () => Promise<PrivilegePlan>,
): Promise<PrivilegePlan | undefined> {
  let first: PrivilegePlan | undefined;
  let skipped: string[] = [];
  // Planned in every pass so far.
  let unchanged: Map<string, string> | undefined;
  for (let pass = 0; ; pass++) {
    const plan = await makePlan();
    const places = [...plan.grants, ...plan.revokes].map(({ place }) => place);
    unchanged = new Map(places.filter((one) => unchanged?.has(idOf(one)) ?? true).map((one) => [idOf(one), one.key]));
    const statements = privilegeStatements(plan, inputs.role);
    first ??= plan;
    if (statements.length === 0 || pass > furtherPlans) {
      const refused = [...unchanged.values()].filter((key) => !skipped.includes(key));
      if (verify && refused.length > 0) throw noEffect(inputs, plan, refused);
      break;
    }
    skipped = await actingFor(db, rolesIn(plan, statements), (isMember) =>
      carryOut(db, statements, inputs, call, pass > 0, !isMember),
    );
    if (skipped.length === 0 && !verify) break;
    if (skipped.length > 0) {
      call.report.progress(
        `${inputs.role} in ${inputs.database}: retried, changed by another session: ${listOf(skipped)}`,
      );
    }
  }
  const gone = new Set(skipped);
  const isThere = ({ place }: { place: Place }) => !gone.has(place.key);
  if (gone.size > 0) {
    call.report.info(
      `${inputs.role} in ${inputs.database}: skipped, dropped or renamed meanwhile: ${listOf([...gone])}`,
    );
  }
  const done = { ...first, wanted: first.wanted.filter(isThere), grants: first.grants.filter(isThere) };
  return done.grants.length + done.revokes.length + done.restores.length > 0 ? done : undefined;
}

/** The roles that the statements run as. */
function rolesIn(plan: PrivilegePlan, statements: PrivilegeStatement[]): string[] {
  const places = [...plan.grants, ...plan.revokes].map(({ place }) => ownerOf(place));
  return [...new Set([...places, ...statements.flatMap(({ as }) => as ?? [])])];
}

function ownerOf(place: PrivilegePlan["grants"][number]["place"]): string {
  return "object" in place ? place.object.owner : place.future.creator;
}

function refuse(failures: CheckFailure[]): void {
  if (failures.length > 0) throw new Error(`${failures.map(({ reason }) => reason).join("\n")}. Nothing was changed.`);
}

/** The plan that revokes the role's privileges in one database. */
function removalOf(inputs: Inputs, catalog: PrivilegeCatalog): PrivilegePlan {
  return planPrivileges(catalog, undefined, goalOf(inputs), baselineOf(inputs));
}

/** Warns of privileges that the role granted onward, or can grant onward: they block a destroy. */
function onwardWarnings(inputs: Inputs, catalog: PrivilegeCatalog): string[] {
  const { role, database } = inputs;
  // Without the baseline the revokes are not known.
  if (inputs.before instanceof Unknown) return [];
  const removal = removalOf(inputs, catalog);
  const problems = grantedOnwardProblems(removal, catalog.objects, role);
  if (problems.length > 0) {
    return [`destroy, and an up that removes ${role}, would be refused: ${database}: ${problems.join("; ")}`];
  }
  const grantable = removal.revokes
    .filter(({ held }) => held.some((one) => one.grantable))
    .map(({ place }) => place.key);
  if (grantable.length === 0) return [];
  return [
    `${role} holds privileges WITH GRANT OPTION in ${database} and can grant them onward: ${listOf(grantable)}. ` +
      "Destroy is refused while other roles hold privileges that it granted",
  ];
}

/** Reasons why the privileges cannot be revoked: they were granted onward. A role or database that does not exist is no reason. */
export async function onwardProblems(server: Server, removed: z.infer<typeof guardedPrivileges>[]): Promise<string[]> {
  const read = readerOf(new PrivilegeReader());
  const problems: string[] = [];
  // By database: each needs its own connection.
  for (const [database, goals] of Map.groupBy(removed, (one) => one.database)) {
    try {
      await server.session(database, async (db) => {
        for (const goal of goals) {
          const inputs: Inputs = { ...goal, creators: [] };
          const catalog = await read("forPlan", db, inputs, undefined);
          const whole = removalOf(inputs, catalog);
          const { within } = withoutSuperusers(whole, await unreachableOwners(db, whole));
          problems.push(...grantedOnward(inputs, within, catalog).map(({ reason }) => reason));
        }
      });
    } catch (error) {
      if (!isMissingDatabase(error)) throw error;
    }
  }
  return problems;
}

/** Revokes that would fail because the role granted the privilege onward. */
function grantedOnward({ role, database }: Inputs, plan: PrivilegePlan, { objects }: PrivilegeCatalog): CheckFailure[] {
  return grantedOnwardProblems(plan, objects, role).map((problem) => ({
    property: "",
    reason: `${database}: ${problem}`,
  }));
}

/** PostgreSQL 17 is the first with MAINTAIN: https://www.postgresql.org/docs/17/release-17.html */
async function unsupportedPrivileges(db: Queryable, { role, database, grants }: Inputs): Promise<CheckFailure[]> {
  const named = Object.entries(grants?.tables ?? {}).filter(([, privileges]) =>
    privileges.some((privilege) => privilege.toUpperCase() === "MAINTAIN"),
  );
  if (named.length === 0) return [];
  const { rows } = await db.query<{ version: string; is_old: boolean }>(
    "SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int < 170000 AS is_old",
  );
  const [server] = rows;
  if (!server?.is_old) return [];
  return named.map(([table]) => ({
    property: "grants",
    reason: `app-roles:roles.${role}.grants.${database}.tables.${table}: MAINTAIN requires PostgreSQL 17, and the server runs ${server.version}; remove it`,
  }));
}

/** Owners for which a non-superuser admin cannot grant. */
async function unreachableOwners(db: Queryable, plan: PrivilegePlan, admin?: string): Promise<Unreachable> {
  const places = [...plan.grants, ...plan.revokes].map(({ place }) => place);
  return unreachableRoles(db, places.map(ownerOf), admin);
}

/** Objects on which a non-superuser admin cannot grant or revoke, with their owners. */
function unreachableFailures(
  { role, database }: Inputs,
  plan: PrivilegePlan,
  unreachable: Unreachable,
): CheckFailure[] {
  const isNonSuperuser = (owner: string) => unreachable.roles.has(owner) && !unreachable.superusers.has(owner);
  const places = [...plan.grants, ...plan.revokes].map(({ place }) => place);
  const objects = [...new Set(places.filter((place) => isNonSuperuser(ownerOf(place))).map(({ key }) => key))];
  return [
    ...(objects.length === 0
      ? []
      : [memberReason(`grant ${role} its privileges in ${database}`, unreachable, objects)]),
    ...superusersContainerReasons(plan, role, unreachable),
  ].map((reason) => ({ property: "", reason }));
}

/** With the OID: a later object of the same name is another place. */
function idOf(place: Place): string {
  return JSON.stringify([place.key, "object" in place ? place.object.oid : undefined]);
}

function noEffect({ role, database }: Inputs, plan: PrivilegePlan, keys: string[]): Error {
  const left = Object.entries(describePrivileges(plan)).filter(([key]) => keys.includes(key));
  return new Error(
    `cannot change the privileges of ${role} in ${database}: the admin is not a superuser and cannot grant or revoke these. ` +
      `Nothing was changed. Connect as a superuser or as their owner (app-roles:server.admin.user).\n  ${left.map(([key, change]) => `${key}: ${change}`).join("\n  ")}`,
  );
}

/** Queries the schemas only when one was not read. */
async function unreadSchemas(db: Queryable, inputs: Inputs, { objects }: PrivilegeCatalog): Promise<CheckFailure[]> {
  const read = new Set(objects.filter(({ kind }) => kind === "schema").map(({ schema }) => schema));
  const all = inputs.schemas.every((schema) => read.has(schema));
  return all ? [] : missingSchemas(db, inputs.database, inputs.schemas);
}

async function refuseMissingRoles(db: Queryable, inputs: Inputs): Promise<void> {
  const names = [inputs.role, ...inputs.creators];
  const existing = await existingRoles(db, names);
  const missing = names.filter((name) => !existing.has(name));
  if (missing.length === 0) return;
  throw new Error(
    `cannot grant ${inputs.role} its privileges in ${inputs.database}: there is no role ${missing.join(", ")}. ` +
      "Nothing was changed. If it was dropped by hand, run up again; otherwise correct app-roles:roles or app-roles:databases.",
  );
}
