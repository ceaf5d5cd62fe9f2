/** The exports of the package for other Pulumi programs. */

// First, because the rest does not load in an old Node.
import "../bin/require-node.js";

export { ConfigError, type Problem } from "../config/config-error.ts";
export { parseStack } from "../config/parse-stack.ts";
export { readStack } from "../config/read-program-stack.ts";
export {
  type BudgetEntry,
  budgetProblem,
  budgetTable,
  type ConnectionBudget,
  connectionBudget,
  defaultCeiling,
} from "../model/budget.ts";
export { completePool, type DeclaredPool, defaultPool, type Pool, type PoolUser, poolProblem } from "../model/pool.ts";
export type { Settings, SettingValue } from "../model/settings.ts";
export {
  type Access,
  type Admin,
  budgetEntries,
  type ConnectAs,
  type Database,
  type ExistingRole,
  type Limits,
  legacyUsers,
  type Migrates,
  type Role,
  type Server,
  type Service as ServiceDeclaration,
  type SslMode,
  type Stack,
} from "../model/stack.ts";
export { AppRole, type AppRoleArgs } from "./app-role.ts";
export { AppRolesStack, type ServiceInForce } from "./app-roles-stack.ts";
export {
  type DatabaseArgs,
  DatabaseServer,
  type DatabaseServerArgs,
  type ExistingRoleArgs,
  type RoleShare,
  type ServerDatabase,
} from "./database-server.ts";
export type { DeclaredRole, RoleAccess } from "./declared-role.ts";
export * as pgaccess from "./pgaccess.ts";
export { Service, type ServiceArgs } from "./service.ts";
