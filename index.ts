import * as pulumi from "@pulumi/pulumi";
import { DatabaseServer } from "./components/database-server.ts";
import { createRoles } from "./components/roles.ts";
import { Service } from "./components/service.ts";
import { readStack } from "./components/stack-config.ts";
import { connectionBudget as budgetOf } from "./model/budget.ts";
import { budgetEntries } from "./model/stack.ts";

const stack = readStack();

const server = new DatabaseServer("server", {
  server: stack.server,
  adminPassword: stack.adminPassword && pulumi.secret(stack.adminPassword),
  databases: stack.databases,
  roles: Object.keys(stack.roles),
  ceiling: stack.ceiling,
  entries: budgetEntries(stack),
});

const appRoles = createRoles(server, stack);

const appServices = stack.services.map((service) => {
  const role = appRoles[service.role] as (typeof appRoles)[string];
  const legacyUrl = stack.serviceSecrets[service.name]?.legacyUrl;
  return new Service(service.name, { server, role, service, legacyUrl });
});

// Outputs come from resources, not from the configuration: after an up that failed they still say what is in force.
/** Service to its DATABASE_URL; secrets. */
export const databaseUrls = Object.fromEntries(
  appServices.map(({ args, inForce }) => [args.service.name, inForce.url]),
);

/** The limits of every role, and their sum beside the ceiling. */
export const connectionBudget = pulumi
  .all([server.connectionBudget.ceiling, server.connectionBudget.entries])
  .apply(([ceiling, entries]) => ({ ceiling, total: budgetOf(ceiling, entries).total, entries }));

/** Service to what it connects as. */
export const services = Object.fromEntries(
  appServices.map(({ args, inForce: { database, role, connectAs } }) => [
    args.service.name,
    { database, role, connectAs, runtime: args.service.runtime },
  ]),
);

/** Role to its limit and its databases. */
export const roles = Object.fromEntries(
  Object.values(appRoles).map(({ roleName, role, args }) => [
    roleName,
    { connectionLimit: role.connectionLimit, databases: Object.keys(args.access) },
  ]),
);
