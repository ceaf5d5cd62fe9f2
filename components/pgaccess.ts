import * as pulumi from "@pulumi/pulumi";
import type { z } from "zod";
import { baselineContract, type RoleRecord } from "../provider/baseline/contract.ts";
import { connectionBudgetContract } from "../provider/budget/contract.ts";
import type { configuration } from "../provider/configuration.ts";
import { containerNameContract } from "../provider/container-name/contract.ts";
import { cutoverGateContract } from "../provider/cutover/gate/contract.ts";
import { cutoversContract } from "../provider/cutover/limit/contract.ts";
import { loginTurnContract } from "../provider/cutover/turns/contract.ts";
import {
  destroyGuardContract,
  type guardedPrivileges,
  type guardedService,
} from "../provider/destroy-guard/contract.ts";
import { existingRoleContract } from "../provider/existing-role/contract.ts";
import { legacyUrlContract } from "../provider/legacy-url/contract.ts";
import { ownershipContract } from "../provider/ownership/contract.ts";
import { privilegesContract } from "../provider/privileges/contract.ts";
import { publicPrivilegesContract } from "../provider/public-privileges/contract.ts";
import { rehearsalContract } from "../provider/rehearsal/contract.ts";
import { rollbackScriptContract } from "../provider/rollback-kit/contract.ts";
import { serviceEnvContract } from "../provider/service-env/contract.ts";
import { serviceUrlContract } from "../provider/service-url/contract.ts";
import { roleSettingsContract } from "../provider/settings/contract.ts";
import { type ArgsOf, resourceClass } from "./resource-class.ts";

export type { RoleRecord };

/** Address and login of the plugin. */
export type ProviderArgs = Omit<ArgsOf<{ inputs: typeof configuration }>, "port"> & { port: pulumi.Input<number> };

/** The resource plugin `pgaccess` on one server. */
export class Provider extends pulumi.ProviderResource {
  constructor(name: string, args: ProviderArgs, opts?: pulumi.ResourceOptions) {
    const port = pulumi.output(args.port).apply(String);
    const password = args.password === undefined ? undefined : pulumi.secret(args.password);
    super("pgaccess", name, { ...args, port, password }, opts);
  }
}

/** The baseline of one database, saved before the first change. */
export class Baseline extends resourceClass(baselineContract) {}

/** Checks the declared budget against the live server; every role depends on it. */
export class ConnectionBudget extends resourceClass(connectionBudgetContract) {}

/** Limit and settings of an existing role. */
export class ExistingRole extends resourceClass(existingRoleContract) {}

/** Which of a role's two login roles is in force. */
export class LoginTurn extends resourceClass(loginTurnContract) {}

/** Settings of a role that the official Role does not know. */
export class RoleSettings extends resourceClass(roleSettingsContract) {}

/** Privileges and default privileges of a role in one database. */
export class Privileges extends resourceClass(privilegesContract) {}

/** Tries an up in one database before anything changes, and rolls back. */
export class Rehearsal extends resourceClass(rehearsalContract) {}

/** The owner of the objects in a database's schemas. */
export class Ownership extends resourceClass(ownershipContract) {}

/**
 * Refuses an up that would cut over more than `max` services; pass it to each service in `after`.
 *
 * @example
 * const order = new pgaccess.Cutovers("order", { services: [{ service: "api", connectAs: "role" }], max: 1 }, { provider: server.pgaccess });
 * const api = new Service("api", { role: reader, database: "shop", connectAs: "role", migrates: false, after: [order] });
 */
export class Cutovers extends resourceClass(cutoversContract) {}

/** The DATABASE_URL in force for a service. */
export class ServiceUrl extends resourceClass(serviceUrlContract) {}

/** Watches a service after each redeploy on its role; its outputs are in force once the service passed. */
export class CutoverGate extends resourceClass(cutoverGateContract) {}

/**
 * Revokes privileges on a database from PUBLIC, after granting them to every other login role that has them only through PUBLIC.
 * Must depend on the AppRoles, which first get their own privileges.
 *
 * @example
 * new pgaccess.PublicPrivileges("shop", { database: "shop", revoke: ["CONNECT"], roles: ["shop_owner"], former: server.baselines[0].snapshot }, { provider: server.pgaccess, dependsOn: [owner] });
 */
export class PublicPrivileges extends resourceClass(publicPrivilegesContract) {}

/** A service that connects as a role of the stack. */
export type GuardedService = z.input<typeof guardedService>;

/** The privileges of one role in one database, as in its `Privileges`. */
export type GuardedPrivileges = ArgsOf<{ inputs: (typeof guardedPrivileges)["shape"] }>;

/**
 * Refuses to destroy the stack, or to remove a role from it, while the role has sessions or a deployed service. Must depend on
 * everything else, so that it is deleted first and changed last.
 *
 * @example
 * new pgaccess.DestroyGuard("guard", { roles: ["shop_owner"] }, { provider: server.pgaccess, dependsOn: [server, owner, api] });
 */
export class DestroyGuard extends resourceClass(destroyGuardContract) {}

/** Frees the name of a service's container before the container is created. */
export class ContainerName extends resourceClass(containerNameContract) {}

/** The legacy URL of a service. */
export class LegacyUrl extends resourceClass(legacyUrlContract) {}

/** How to roll a service back to its legacy URL: kept in the state and, with a folder, as a script. */
export class RollbackScript extends resourceClass(rollbackScriptContract) {}

/** Writes a service's DATABASE_URL where compose or the user's command keeps it, and restarts the service. */
export class ServiceEnv extends resourceClass(serviceEnvContract) {}
