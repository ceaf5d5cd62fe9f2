import { roleNameProblem } from "../../model/identifier.ts";

const roleSuffix = /[_.-](?:api|app|service|svc|server|backend)$/i;
const databaseSuffix = /[_.-](?:db|database)$/i;

/** `dashboard_api` gets `dashboard_app`; with the full name if two services would get the same. */
export function appRoleNames(services: string[], taken: ReadonlySet<string>): Map<string, string> {
  return roleNames(services, roleSuffix, "_app", taken);
}

/** `tracksolid_db` gets `tracksolid_owner`. */
export function ownerRoleNames(databases: string[], taken: ReadonlySet<string>): Map<string, string> {
  return roleNames(databases, databaseSuffix, "_owner", taken);
}

function roleNames(names: string[], suffix: RegExp, ending: string, taken: ReadonlySet<string>): Map<string, string> {
  const shortOf = (name: string) => identifier(name.replace(suffix, ""));
  const used = new Set(taken);
  return new Map(
    names.map((name) => {
      const isShared = names.some((other) => other !== name && shortOf(other) === shortOf(name));
      const base = isShared ? identifier(name) : shortOf(name);
      let role = `${base}${ending}`;
      for (let n = 2; used.has(role) || roleNameProblem(role) !== undefined; n++) {
        role = `${roleNameProblem(`${base}${ending}`) === undefined ? base : `app_${base}`}${ending}_${n}`;
      }
      used.add(role);
      return [name, role];
    }),
  );
}

/** Needs no quotes in SQL, and leaves room for an ending. */
function identifier(name: string): string {
  const plain = name
    .toLowerCase()
    .replace(/[^a-z0-9_]+/g, "_")
    .replace(/^_+|_+$/g, "")
    .slice(0, 50);
  return /^[a-z]/.test(plain) ? plain : `s_${plain}`;
}
