import { yamlSchema } from "../../model/object-name.ts";
import { codeOf } from "../postgres/connection.ts";
import type { RehearsalGoal } from "./goal.ts";

/** What a migration may do only as the owner of a schema or extension, which the up does not change, or as a superuser. */
const ofOtherOwners =
  /^(must be owner of (extension|schema)|permission denied to (create extension|change default privileges))/;

/** What to do about a check that Postgres refused, by SQLSTATE (PostgreSQL documentation, appendix A). */
export function remedyFor(error: Error, as: string, goal: RehearsalGoal): string {
  const code = codeOf(error);
  const config = `app-roles:databases.${goal.database}`;
  if (code === "42501" && ofOtherOwners.test(error.message)) {
    return `Let its owner or a superuser run this statement by itself, before the migrations that run as ${as}.`;
  }
  const [, schema] = /^permission denied for schema (.+)$/s.exec(error.message) ?? [];
  if (code === "42501" && schema !== undefined && !goal.schemas.includes(schema)) {
    const grants = `app-roles:roles.${as}.grants.${goal.database}.schemas`;
    return `Give ${as} what is missing there (alsoOwn does not): ${grants}: {${yamlSchema(schema)}: [USAGE, CREATE]}; CREATE only where it makes objects, or runs CREATE TABLE IF NOT EXISTS of one that is there. Or add the schema to ${config}.schemas.`;
  }
  if (code === "42501" && as === goal.owner) {
    return `Give ${as} what is missing (app-roles:roles.${as}.grants.${goal.database}), add the object to ${config}.schemas or .alsoOwn, or leave what needs it with its owner (${config}.keepOwner).`;
  }
  switch (code) {
    case "42501":
      return `Give ${as} what is missing (app-roles:roles.${as}.grants.${goal.database}), or add its schema to ${config}.schemas.`;
    case "25006":
      return `Take default_transaction_read_only from the settings of ${as} (app-roles:roles.${as}.settings).`;
    case "42704":
    case "42P01":
    case "42883":
    case "3F000":
      return "It is not there, or not in the search_path of the role: check the name, and app-roles:roles.*.settings.";
    case "22023":
    case "55P02":
      return `Check the settings of ${as} (app-roles:defaults.settings, app-roles:roles.${as}.settings).`;
    default:
      return "Do what Postgres says, then rehearse again.";
  }
}
