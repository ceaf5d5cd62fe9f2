import type { Queryable } from "../postgres/connection.ts";
import { parseSettings, type RoleSetting } from "../settings/settings.ts";
import type { SettingsFacts } from "./settings-facts.ts";
import type { Warning, WarningKind } from "./warning.ts";

/** Settings that the services have today from their legacy user (ALTER ROLE ... SET), and that the role has not. */
export const legacySettings: WarningKind<SettingsFacts> = {
  name: "settings of the legacy user that the role lacks",
  async find(db, facts, reads) {
    const live = await reads.once(db, readAllRoleSettings);
    const its = live.get(facts.role) ?? [];
    return facts.legacyUsers.flatMap((user) =>
      (live.get(user) ?? [])
        .filter(({ database }) => database === "" || facts.usedIn.includes(database))
        .filter((setting) => !hasIt(facts, its, setting))
        .map((setting) => warning(facts.role, user, setting)),
    );
  },
};

/** Set to whatever value: then somebody has chosen it. */
function hasIt(
  { settings, setElsewhere }: SettingsFacts,
  its: RoleSetting[],
  { database, name }: RoleSetting,
): boolean {
  const wanted = name.toLowerCase();
  if (setElsewhere.some((one) => one.toLowerCase() === wanted)) return true;
  return [...settings, ...its].some(
    (one) => one.name.toLowerCase() === wanted && (one.database === "" || one.database === database),
  );
}

function warning(role: string, user: string, { database, name, value }: RoleSetting): Warning {
  const place = database === "" ? "" : ` in ${database}`;
  // A setting with a dot is an application's or an extension's own and may well hold a secret.
  const shown = name.includes(".") ? "" : ` (${value})`;
  return {
    object: name,
    what: `set for ${user}${place}${shown} and not for ${role}${
      name === "search_path" ? ": a service that names tables without their schema does not find them" : ""
    }`,
    remedy: `app-roles:roles.${role}.settings.${name} (null: leave it unset)`,
  };
}

async function readAllRoleSettings(db: Queryable): Promise<Map<string, RoleSetting[]>> {
  const { rows } = await db.query<{ role: string; database: string; config: string[] }>(
    `SELECT r.rolname AS role, coalesce(d.datname, '') AS database, s.setconfig AS config
     FROM pg_db_role_setting s
     JOIN pg_roles r ON r.oid = s.setrole
     LEFT JOIN pg_database d ON d.oid = s.setdatabase
     ORDER BY 1, 2`,
  );
  const settings = new Map<string, RoleSetting[]>();
  for (const { role, database, config } of rows) {
    settings.set(role, [...(settings.get(role) ?? []), ...parseSettings(database, config)]);
  }
  return settings;
}
