import { AppRolesStack } from "./components/app-roles-stack.ts";
import { readStack } from "./config/read-program-stack.ts";

const stack = new AppRolesStack(await readStack());

/** Service to its DATABASE_URL; secrets. */
export const databaseUrls = stack.databaseUrls;

/** The limits of all roles, their sum and the ceiling. */
export const connectionBudget = stack.connectionBudget;

/** Service to what it connects as. */
export const services = stack.services;

/** Role to its limit and its databases. */
export const roles = stack.roles;
