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

/** Where and as whom the plugin logs in. */
export type ProviderArgs = Omit<ArgsOf<{ inputs: typeof configuration }>, "port"> & { port: pulumi.Input<number> };

/** The resource plugin `pgaccess` on one server. */
export class Provider extends pulumi.ProviderResource {
  constructor(name: string, args: ProviderArgs, opts?: pulumi.ResourceOptions) {
    const port = pulumi.output(args.port).apply(String);
    const password = args.password === undefined ? undefined : pulumi.secret(args.password);
    super("pgaccess", name, { ...args, port, password }, opts);
  }
}

/** What was there in one database before the stack changed anything; saved before the first change. */
export class Baseline extends resourceClass(baselineContract) {}

/** The declared budget against the live server; every role depends on it. */
export class ConnectionBudget extends resourceClass(connectionBudgetContract) {}

/** Limit and settings of a login role that is none of the stack's. */
export class ExistingRole extends resourceClass(existingRoleContract) {}

/** Which of a role's two login roles is in force. */
export class LoginTurn extends resourceClass(loginTurnContract) {}

/** Settings of a role that the official Role does not know. */
export class RoleSettings extends resourceClass(roleSettingsContract) {}

/** What a role may do in one database, now and with objects made later. */
export class Privileges extends resourceClass(privilegesContract) {}

/** How a database would take an up, tried out before anything is changed. */
export class Rehearsal extends resourceClass(rehearsalContract) {}

/** Who owns the objects in a database's schemas. */
export class Ownership extends resourceClass(ownershipContract) {}

/**
 * Keeps one up from cutting over more than `max` services; each service takes it in `after`.
 *
 * @example
 * const order = new pgaccess.Cutovers("order", { services: [{ service: "api", connectAs: "role" }], max: 1 }, { provider: server.pgaccess });
 * const api = new Service("api", { role: reader, database: "shop", connectAs: "role", migrates: false, after: [order] });
 */
export class Cutovers extends resourceClass(cutoversContract) {}

/** The DATABASE_URL in force for a service. */
export class ServiceUrl extends resourceClass(serviceUrlContract) {}

/** A service watched after each redeploy on its role; its outputs are what is in force once it passed. */
export class CutoverGate extends resourceClass(cutoverGateContract) {}

/**
 * Takes from PUBLIC what every role of the server may do with a database, after granting it to every other login role that has
 * it from PUBLIC alone. It must depend on the AppRoles, whose own privileges are there before.
 *
 * @example
 * new pgaccess.PublicPrivileges("shop", { database: "shop", revoke: ["CONNECT"], roles: ["shop_owner"], former: server.baselines[0].snapshot }, { provider: server.pgaccess, dependsOn: [owner] });
 */
export class PublicPrivileges extends resourceClass(publicPrivilegesContract) {}

/** A service that connects as a role of the stack. */
export type GuardedService = z.input<typeof guardedService>;

/** What one role was given in one database, as its `Privileges` have it. */
export type GuardedPrivileges = ArgsOf<{ inputs: (typeof guardedPrivileges)["shape"] }>;

/**
 * Keeps the stack from being destroyed, and a role from being taken out of it, while the role has sessions or a deployed
 * service: it must depend on everything else, so that it goes first and changes last.
 *
 * @example
 * new pgaccess.DestroyGuard("guard", { roles: ["shop_owner"] }, { provider: server.pgaccess, dependsOn: [server, owner, api] });
 */
export class DestroyGuard extends resourceClass(destroyGuardContract) {}

/** The name of a service's container: free, before the container is made. */
export class ContainerName extends resourceClass(containerNameContract) {}

/** The DATABASE_URL that a service had before the stack. */
export class LegacyUrl extends resourceClass(legacyUrlContract) {}

/** How a service is rolled back to its legacy URL: kept in the state, and with a folder as a script beside it. */
export class RollbackScript extends resourceClass(rollbackScriptContract) {}

/** A service's DATABASE_URL where compose or the user's command keeps it, and its restart. */
export class ServiceEnv extends resourceClass(serviceEnvContract) {}
