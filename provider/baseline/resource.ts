import { escapeIdentifier } from "pg";
import type { Queryable, Server } from "../postgres/connection.ts";
import { planIn } from "../postgres/databases.ts";
import { splitName } from "../postgres/names.ts";
import { mayMakeRoles, existingRoles as rolesThere } from "../postgres/roles.ts";
import { missingSchemas, schemaNames } from "../postgres/schemas.ts";
import type { HeldBefore } from "../privileges/plan.ts";
import type { Reconciler } from "../reconciler.ts";
import type { CheckFailure } from "../rpc/provider.ts";
import { type PropertyMap, type PropertyValue, Secret } from "../rpc/values.ts";
import { parseSettings } from "../settings/settings.ts";
import { databaseWarnings } from "../warnings/index.ts";
import { warningsOf } from "../warnings/warning.ts";
import { baselineContract, type Snapshot } from "./contract.ts";
import { readVerifiers } from "./role-record.ts";
import { extend, heldBefore, type PreviousOwners, readSnapshot } from "./snapshot.ts";

/**
 * What was there before; see Snapshot. Every role depends on it, so that what the rest of the stack needs (schemas, roles
 * that keep an object, free role names) is refused here, before anything is touched. Create and delete change nothing.
 */
export function baseline(server: Server, previousOwners?: PreviousOwners): Reconciler<typeof baselineContract> {
  const summaries = new Map<string, string | undefined>();
  return {
    contract: baselineContract,
    identity: ["database"],
    advisory: ["legacyUsers", "declared"],
    id: ({ database }) => database,

    plan: (
      { database, schemas, keepOwner, alsoOwn, roles, adopt = [], existingRoles = [], legacyUsers = [], declared },
      _olds,
      before,
    ) =>
      planIn(server, database, () =>
        server.session(database, async (db) => {
          const outside = alsoOwn.map((name) => splitName(name)?.schema ?? name);
          const now = await readSnapshot(db, database, { schemas, outside, roles, existingRoles });
          const recorded = before.snapshot as Snapshot | undefined;
          const snapshot = recorded ? extend(recorded, now) : now;
          previousOwners?.record(database, snapshot.owners);
          const failures = [
            ...(await missingSchemas(db, database, schemas)),
            ...(await missingKeepers(db, keepOwner, roles)),
            ...foreignRoles(snapshot, roles, adopt),
            ...unfitRoles(now, roles, adopt),
          ];
          // Like the snapshot: what is recorded once is never recorded anew.
          const held = {
            ...(await readHeld(db, database, [...schemas, ...outside], adopt, asMap(before.held))),
            ...asMap(before.held),
          };
          const verifiers = { ...(await readVerifiers(db, adopt)), ...asMap(before.verifiers) };
          if (!(await mayMakeRoles(db))) failures.push(notRoleMaker(server.address.user));
          if (adopt.length > 0 && Object.keys(verifiers).length === 0) failures.push(notSuperuser(server.address.user));
          const observed = {
            snapshot: toProperties(snapshot),
            held: toProperties(held),
            verifiers: new Secret(verifiers),
          };
          summaries.set(database, summaryOf(database, recorded, snapshot));
          const facts = {
            ...{ database, schemas, alsoOwn, roles, legacyUsers, previousOwners: snapshot.owners },
            declared: declared ?? {
              schemas,
              keepOwner,
              alsoOwn,
              roles: Object.fromEntries(roles.map((role) => [role, {}])),
            },
          };
          const warnings = await warningsOf(db, facts, databaseWarnings);
          const newcomers = adopt.filter((role) => now.roles[role] && !recorded?.roles[role]);
          return { changes: {}, observed, failures, warnings: [...newcomers.map(takenOver), ...warnings] };
        }),
      ),

    summarize: ({ database }) => summaries.get(database),
    apply: async () => undefined,
    remove: async () => undefined,
  };
}

function summaryOf(database: string, recorded: Snapshot | undefined, snapshot: Snapshot): string | undefined {
  const count = Object.keys(snapshot.owners).length - Object.keys(recorded?.owners ?? {}).length;
  const what = `owners and privileges of ${count} ${count === 1 ? "object" : "objects"}`;
  if (recorded && count === 0) return undefined;
  return recorded ? `${database}: ${what} that came since are recorded` : `${database}: ${what} are recorded first`;
}

/** Roles of the stack that were there before it, and are not declared as such. */
function foreignRoles(snapshot: Snapshot, roles: string[], adopt: string[]): CheckFailure[] {
  return roles.flatMap((role, index) =>
    snapshot.roles[role] && !adopt.includes(role)
      ? [
          {
            property: `roles[${index}]`,
            reason:
              `role ${role} exists on the server already and was not made by this stack. ` +
              "Give the role in app-roles:roles another name, set `adopt: true` there to take it over, or drop the one there if nothing uses it",
          },
        ]
      : [],
  );
}

/** Roles to be adopted that are not there, or that the official Role could not read. */
function unfitRoles({ roles: live }: Snapshot, roles: string[], adopt: string[]): CheckFailure[] {
  return adopt.flatMap((role) => {
    const property = `roles[${roles.indexOf(role)}]`;
    const record = live[role];
    if (!record) {
      const reason = `there is no role ${role} to adopt; take \`adopt\` away, and the stack makes it (one that was adopted and is gone: CREATE ROLE it again)`;
      return [{ property, reason }];
    }
    return parseSettings("", record.settings[""] ?? [])
      .filter(({ name, value }) => readAsInteger.includes(name) && !/^\d+$/.test(value))
      .map(({ name, value }) => ({
        property,
        reason: `role ${role} has ${name} = ${value}, which the official plugin cannot read; set it in milliseconds first: ALTER ROLE ... SET ${name} = 60000 for 1min`,
      }));
  });
}

/** The official Role's Read fails at a unit. */
const readAsInteger = ["statement_timeout", "idle_in_transaction_session_timeout"];

function takenOver(role: string): string {
  return (
    `role ${role} exists and is taken over: its password changes, so whoever logs in with the old one is refused from then on, ` +
    "and it loses all attributes but LOGIN. destroy gives it back what it was"
  );
}

function notRoleMaker(admin: string): CheckFailure {
  return {
    property: "roles",
    reason: `${admin} may not make roles: connect as another user (app-roles:server.admin.user), or let a superuser run ALTER ROLE ${escapeIdentifier(admin)} CREATEROLE`,
  };
}

function notSuperuser(admin: string): CheckFailure {
  return {
    property: "adopt",
    reason: `${admin} is no superuser and cannot read a role's password verifier, which destroy would have to put back: adopt nothing, or connect as a superuser`,
  };
}

/**
 * What adopted roles that are not recorded yet hold, in every schema: explicit grants and `exclusive` reach beyond the
 * managed ones.
 */
async function readHeld(
  db: Queryable,
  database: string,
  declared: string[],
  adopt: string[],
  recorded: PropertyMap,
): Promise<Record<string, HeldBefore[]>> {
  const roles = adopt.filter((role) => !Object.hasOwn(recorded, role));
  if (roles.length === 0) return {};
  const schemas = await schemaNames(db, "without");
  const everywhere = await readSnapshot(db, database, { schemas, outside: declared, roles });
  return Object.fromEntries(roles.map((role) => [role, heldBefore(everywhere, role)]));
}

/** An observed map of the state, in clear. */
function asMap(value: PropertyValue | undefined): PropertyMap {
  return (value instanceof Secret ? value.value : (value ?? {})) as PropertyMap;
}

async function missingKeepers(
  db: Queryable,
  keepOwner: Record<string, string>,
  roles: string[],
): Promise<CheckFailure[]> {
  const there = await rolesThere(db, Object.values(keepOwner));
  return Object.entries(keepOwner).flatMap(([name, role]) =>
    roles.includes(role) || there.has(role)
      ? []
      : [{ property: "keepOwner", reason: `${name} cannot stay with ${role}: there is no such role` }],
  );
}

function toProperties(observed: object): PropertyMap {
  return JSON.parse(JSON.stringify(observed)) as PropertyMap;
}
