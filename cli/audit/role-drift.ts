import { escapeIdentifier } from "pg";
import { z } from "zod";
import type { Queryable } from "../../provider/postgres/connection.ts";
import type { Changes } from "../../provider/reconciler.ts";
import { describeSettings, planSettings } from "../../provider/settings/plan.ts";
import { readRoleSettings, SettingRules } from "../../provider/settings/settings.ts";

/** The official resource type of a role. */
export const roleType = "postgresql:index/role:Role";

/** The inputs in the state that are compared here; the password never is. */
const roleInputs = z.object({
  name: z.string(),
  connectionLimit: z.number().default(-1),
  login: z.boolean().default(false),
  statementTimeout: z.number().default(0),
  idleInTransactionSessionTimeout: z.number().default(0),
  searchPaths: z.array(z.string()).default([]),
  assumeRole: z.string().default(""),
  roles: z.array(z.string()).default([]),
});

interface Live {
  limit: number;
  login: boolean;
  groups: string[];
}

/**
 * What an up would change on a live role, from the official Role's inputs in the state; empty if the role does not exist. An
 * adopted role keeps its own memberships.
 */
export async function roleDrift(db: Queryable, inputs: unknown, isAdopted: boolean): Promise<Changes> {
  const declared = roleInputs.parse(inputs);
  const { rows } = await db.query<Live>(
    `SELECT r.rolconnlimit AS limit, r.rolcanlogin AS login,
            ARRAY(SELECT g.rolname::text FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
                  WHERE m.member = r.oid ORDER BY 1) AS groups
     FROM pg_roles r WHERE r.rolname = $1`,
    [declared.name],
  );
  const [live] = rows;
  if (!live) return {};
  return {
    ...(live.limit !== declared.connectionLimit && {
      "connection limit": `${limitInWords(live.limit)} -> ${limitInWords(declared.connectionLimit)}`,
    }),
    ...(live.login !== declared.login && { login: `${live.login} -> ${declared.login}` }),
    ...(isAdopted ? {} : memberships(live.groups, declared.roles)),
    ...(await settingDrift(db, declared)),
  };
}

function memberships(live: string[], declared: string[]): Changes {
  const [extra, lost] = [
    live.filter((group) => !declared.includes(group)),
    declared.filter((group) => !live.includes(group)),
  ];
  return Object.fromEntries([
    ...extra.map((group) => [`member of ${group}`, "undeclared"]),
    ...lost.map((group) => [`membership in ${group}`, "was revoked"]),
  ]);
}

async function settingDrift(db: Queryable, declared: z.infer<typeof roleInputs>): Promise<Changes> {
  const written = [
    ["statement_timeout", declared.statementTimeout === 0 ? "" : String(declared.statementTimeout)],
    [
      "idle_in_transaction_session_timeout",
      declared.idleInTransactionSessionTimeout === 0 ? "" : String(declared.idleInTransactionSessionTimeout),
    ],
    ["search_path", declared.searchPaths.map(escapeIdentifier).join(", ")],
    ["role", declared.assumeRole],
  ] as const;
  const all = written.map(([name, value]) => ({ database: "", name, value }));
  const rules = await new SettingRules().read(db, all);
  const plan = planSettings(
    all.filter(({ value }) => value !== ""),
    all,
    await readRoleSettings(db, declared.name),
    [],
    rules,
  );
  return describeSettings(plan);
}

function limitInWords(limit: number): string {
  return limit === -1 ? "unlimited" : String(limit);
}
