import * as pulumi from "@pulumi/pulumi";
import { AppRole } from "./components/app-role.ts";
import { DatabaseServer, type ServerDatabase } from "./components/database-server.ts";
import * as pgaccess from "./components/pgaccess.ts";
import { placeOf } from "./components/runtimes/service-env.ts";
import { Service } from "./components/service.ts";
import { readStack } from "./config/program.ts";
import { connectionBudget as budgetOf } from "./model/budget.ts";
import { legacyUsers } from "./model/legacy-users.ts";
import { roleNames } from "./model/login-roles.ts";

const stack = await readStack();

const server = new DatabaseServer("server", {
  ...stack.server,
  adminPassword: stack.adminPassword,
  databases: stack.databases,
  roles: stack.roles,
  existingRoles: stack.existingRoles,
  ceiling: stack.ceiling,
  legacyUsers: legacyUsers(stack),
  migrationComplete: stack.migrationComplete,
  access: stack.roles,
  rehearse: stack.rehearse ? stack.roles : undefined,
});

const appRoles = new Map(
  Object.entries(stack.roles).map(([name, { access, grants, exclusive, settings }]) => [
    name,
    new AppRole(name, { server, access, grants, exclusive, settings, rotate: name === process.env.APP_ROLES_ROTATE }),
  ]),
);

// Once every role has its own privileges there.
const publicPrivileges = Object.entries(stack.databases)
  .filter(([, { revokeFromPublic }]) => revokeFromPublic.length > 0)
  .map(([database, { revokeFromPublic: revoke }]) => {
    const former = (server.database(database) as ServerDatabase).baseline.snapshot;
    const inputs = { database, revoke, roles: roleNames(stack.roles), former };
    const options = { provider: server.pgaccess, dependsOn: [...appRoles.values()] };
    return new pgaccess.PublicPrivileges(database, inputs, options);
  });

const switches = stack.services.map(({ name, connectAs }) => ({ service: name, connectAs }));
const perUp = { services: switches, max: stack.maxCutoversPerUp, places: stack.services.flatMap(placeOf) };
const cutovers = new pgaccess.Cutovers("services", perUp, { provider: server.pgaccess });

// A service on its role waits for the gate of the one before; those on legacy wait for nothing, and nothing for them.
const gated: Service[] = [];
const appServices = stack.services.map(({ name, ...service }) => {
  const role = appRoles.get(service.role) as AppRole;
  const { legacyUrl, env } = stack.serviceSecrets[name] ?? {};
  // While the role's password is rotated, none of its services may wait: its new logins fail until it is redeployed.
  const before = service.role === process.env.APP_ROLES_ROTATE ? [] : gated.slice(-1);
  const { rollbackKit } = stack;
  const made = new Service(name, { ...service, role, legacyUrl, env, rollbackKit, after: [cutovers, ...before] });
  if (made.gate && service.connectAs === "role") gated.push(made);
  return made;
});
for (const [name, role] of appRoles) {
  role.servedTo(appServices.filter((_, index) => stack.services[index]?.role === name));
}

// Depends on everything, so destroy begins with it.
const everything = [server, ...appRoles.values(), ...publicPrivileges, cutovers, ...appServices];
const guarded = {
  roles: roleNames(stack.roles),
  privileges: [...appRoles.values()].flatMap(({ given }) => given),
  services: stack.services
    .filter(({ connectAs }) => connectAs === "role")
    .map(({ name, role, runtime }) => ({ name, role, deployed: runtime !== "external" })),
};
new pgaccess.DestroyGuard("roles", guarded, { provider: server.pgaccess, dependsOn: everything });

// Outputs come from resources, not from the configuration: after an up that failed they still say what is in force.
/** Service to its DATABASE_URL; secrets. */
export const databaseUrls = Object.fromEntries(
  appServices.map(({ serviceName, databaseUrl }) => [serviceName, databaseUrl]),
);

/** The limits of every role, and their sum beside the ceiling. */
export const connectionBudget = pulumi
  .all([server.connectionBudget.ceiling, server.connectionBudget.entries])
  .apply(([ceiling, entries]) => ({ ceiling, total: budgetOf(ceiling, entries).total, entries }));

/** Service to what it connects as. */
export const services = Object.fromEntries(
  appServices.map(({ serviceName, runtime, inForce: { database, role, connectAs } }) => [
    serviceName,
    { database, role, connectAs, runtime },
  ]),
);

/** Role to its limit and its databases. */
export const roles = Object.fromEntries(
  [...appRoles.values()].map(({ roleName, role, databases }) => [
    roleName,
    { connectionLimit: role.connectionLimit, databases },
  ]),
);
