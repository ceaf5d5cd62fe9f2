import type { RehearsalGoal } from "./goal.ts";

/** What to do about a check that Postgres refused, by SQLSTATE (PostgreSQL documentation, appendix A). */
export function remedyFor(code: string | undefined, as: string, goal: RehearsalGoal): string {
  const config = `app-roles:databases.${goal.database}`;
  if (code === "42501" && as === goal.owner) {
    return `Give ${as} what is missing (GRANT), add the object to ${config}.schemas or .alsoOwn, or leave what needs it with its owner (${config}.keepOwner).`;
  }
  switch (code) {
    case "42501":
      return `Give ${as} what is missing (GRANT), or add its schema to ${config}.schemas.`;
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
