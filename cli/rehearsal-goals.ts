import { escapeIdentifier } from "pg";
import { type Settings, splitSettings } from "../model/settings.ts";
import type { Stack } from "../model/stack.ts";
import type { RehearsalGoal } from "../provider/rehearsal/goal.ts";

/** What an up would make of each database. */
export function rehearsalGoals({ databases, roles }: Pick<Stack, "databases" | "roles">): RehearsalGoal[] {
  return Object.entries(databases).map(([database, declared]) => ({
    database,
    ...declared,
    roles: Object.entries(roles).flatMap(([role, { access, settings }]) => {
      const level = Object.hasOwn(access, database) ? access[database] : undefined;
      return level === undefined ? [] : [{ role, access: level, settings: asText(settings) }];
    }),
  }));
}

/** The timeouts are left out: the rehearsal's own hold. */
function asText(settings: Settings): Record<string, string> {
  const { role, other } = splitSettings(settings);
  return { ...other, ...(role.searchPath && { search_path: role.searchPath.map(escapeIdentifier).join(", ") }) };
}
