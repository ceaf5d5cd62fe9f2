import { escapeIdentifier } from "pg";
import type { Queryable, Server } from "../postgres/connection.ts";
import { planIn } from "../postgres/databases.ts";
import { splitName } from "../postgres/names.ts";
import { canCreateRoles, existingRoles as rolesOnServer } from "../postgres/roles.ts";
import { missingSchemas, schemaNames } from "../postgres/schemas.ts";
import type { BaselinePrivilege } from "../privileges/plan.ts";
import type { Reconciler } from "../reconciler.ts";
import type { CheckFailure } from "../rpc/provider.ts";
import { type PropertyMap, type PropertyValue, Secret } from "../rpc/values.ts";
import { parseSettings } from "../settings/settings.ts";
import { databaseWarnings } from "../warnings/index.ts";
import { warningsOf } from "../warnings/warning.ts";
import { baselineContract, type Snapshot } from "./contract.ts";
import type { PreviousOwners } from "./previous-owners.ts";
import { readVerifiers } from "./role-record.ts";
import { extend, heldBefore, readSnapshot } from "./snapshot.ts";

/**
 * The baseline (see Snapshot). Every role depends on it, so it also checks what the rest of the stack needs (schemas, roles that
 * keep an object, free role names) before anything is changed. Create and delete change nothing.
 */
export function baseline(server: Server, previousOwners?: PreviousOwners): Reconciler<typeof baselineContract> {
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
          // Never overwritten, like the snapshot.
          const held = {
            ...(await readHeld(db, database, [...schemas, ...outside], adopt, asMap(before.held))),
            ...asMap(before.held),
          };
          const verifiers = { ...(await readVerifiers(db, adopt)), ...asMap(before.verifiers) };
          if (!(await canCreateRoles(db))) failures.push(cannotCreateRoles(server.address.user));
          if (adopt.length > 0 && Object.keys(verifiers).length === 0) failures.push(notSuperuser(server.address.user));
          const observed = {
            snapshot: toProperties(snapshot),
            held: toProperties(held),
            verifiers: new Secret(verifiers),
          };
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
          return { changes: {}, observed, failures, warnings: [...newcomers.map(adopted), ...warnings] };
        }),
      ),

    summarize: () => undefined,
    apply: async () => undefined,
    remove: async () => undefined,
  };
}

/** Roles of the stack that existed before it and are not adopted. */
function foreignRoles(snapshot: Snapshot, roles: string[], adopt: string[]): CheckFailure[] {
  return roles.flatMap((role, index) =>
    snapshot.roles[role] && !adopt.includes(role)
      ? [
          {
            property: `roles[${index}]`,
            reason:
              `role ${role} exists on the server already and was not created by this stack. ` +
              "Rename the role in app-roles:roles, set `adopt: true` there to adopt the existing one, or drop that if nothing uses it",
          },
        ]
      : [],
  );
}

/** Roles to adopt that do not exist, or that the official Role cannot read. */
function unfitRoles({ roles: live }: Snapshot, roles: string[], adopt: string[]): CheckFailure[] {
  return adopt.flatMap((role) => {
    const property = `roles[${roles.indexOf(role)}]`;
    const record = live[role];
    if (!record) {
      const reason = `there is no role ${role} to adopt; remove \`adopt\` to let the stack create it (if it was adopted and then dropped: CREATE ROLE it again)`;
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

/** Read of the official Role fails on values with a unit. */
const readAsInteger = ["statement_timeout", "idle_in_transaction_session_timeout"];

function adopted(role: string): string {
  return (
    `role ${role} exists and is adopted: its password changes, so logins with the previous password fail from then on, ` +
    "and it loses all attributes except LOGIN. destroy restores it from the baseline"
  );
}

function cannotCreateRoles(admin: string): CheckFailure {
  return {
    property: "roles",
    reason: `${admin} cannot create roles: connect as another user (app-roles:server.admin.user), or let a superuser run ALTER ROLE ${escapeIdentifier(admin)} CREATEROLE`,
  };
}

function notSuperuser(admin: string): CheckFailure {
  return {
    property: "adopt",
    reason: `${admin} is not a superuser and cannot read a role's password verifier, which destroy needs to restore the role: adopt no roles, or connect as a superuser`,
  };
}

/**
 * Privileges of adopted roles that are not recorded yet, in every schema, because explicit grants and `exclusive` also apply
 * outside the stack's schemas.
 */
async function readHeld(
  db: Queryable,
  database: string,
  declared: string[],
  adopt: string[],
  recorded: PropertyMap,
): Promise<Record<string, BaselinePrivilege[]>> {
  const roles = adopt.filter((role) => !Object.hasOwn(recorded, role));
  if (roles.length === 0) return {};
  const schemas = await schemaNames(db, "without");
  const everywhere = await readSnapshot(db, database, { schemas, outside: declared, roles });
  return Object.fromEntries(roles.map((role) => [role, heldBefore(everywhere, role)]));
}

/** An observed map from the state, decrypted. */
function asMap(value: PropertyValue | undefined): PropertyMap {
  return (value instanceof Secret ? value.value : (value ?? {})) as PropertyMap;
}

async function missingKeepers(
  db: Queryable,
  keepOwner: Record<string, string>,
  roles: string[],
): Promise<CheckFailure[]> {
  const existing = await rolesOnServer(db, Object.values(keepOwner));
  return Object.entries(keepOwner).flatMap(([name, role]) =>
    roles.includes(role) || existing.has(role)
      ? []
      : [{ property: "keepOwner", reason: `${name} cannot stay with ${role}: there is no such role` }],
  );
}

function toProperties(observed: object): PropertyMap {
  return JSON.parse(JSON.stringify(observed)) as PropertyMap;
}
