import { escapeIdentifier } from "pg";
import type { InputsOf } from "../contract.ts";
import type { Queryable, Server } from "../postgres/connection.ts";
import { explain } from "../postgres/explain.ts";
import { refuseCancelled } from "../postgres/pause.ts";
import { alterRoleProblem } from "../postgres/roles.ts";
import { isClient } from "../postgres/sessions.ts";
import { inExclusiveTransaction } from "../postgres/transaction.ts";
import { type Changes, child, type Reconciler } from "../reconciler.ts";
import type { Call } from "../rpc/provider.ts";
import { Unknown } from "../rpc/values.ts";
import { describeSettings, planSettings, type SettingChange, settingStatement } from "../settings/plan.ts";
import { settingProblems } from "../settings/problems.ts";
import { parseSettings, type RoleSetting, readRoleSettings, SettingRules } from "../settings/settings.ts";
import { settingText } from "../settings/values.ts";
import { existingRoleContract } from "./contract.ts";

type Inputs = InputsOf<typeof existingRoleContract>;

interface Plan {
  /** Undefined: no change. */
  limit: { from: number; to: number } | undefined;
  settings: SettingChange[];
}

interface Live {
  limit: number;
  superuser: boolean;
  sessions: number;
}

/** Limit and settings of a login role that the stack did not create; both are restored on delete, and the role stays. */
export function existingRole(server: Server): Reconciler<typeof existingRoleContract> {
  const rules = new SettingRules();
  return {
    contract: existingRoleContract,
    identity: ["role"],
    hidden: ["former"],
    kept: ["former"],
    id: ({ role }) => role,

    plan: (inputs, previous) =>
      server.anySession(async (db) => {
        const live = await readLive(db, inputs.role);
        if (!live) return { changes: {}, failures: [{ property: "role", reason: missing(inputs.role) }] };
        const refused = await alterRoleProblem(db, inputs.role);
        if (refused !== undefined) return { changes: {}, failures: [{ property: "role", reason: refused }] };
        const wanted = settingsOf(inputs).map((setting) => ({ ...setting, path: child("settings", setting.name) }));
        const known = await rules.read(db, wanted);
        const failures = await settingProblems(db, wanted, known, () => undefined);
        if (failures.length > 0) return { changes: {}, failures };
        return {
          changes: describe(await planFor(db, rules, inputs, previous, live)),
          warnings: warningsOf(inputs, live),
        };
      }),

    drift: (inputs) =>
      server.anySession(async (db) => {
        const live = await readLive(db, inputs.role);
        if (!live) return { [inputs.role]: "was dropped" };
        return describe(await planFor(db, rules, inputs, undefined, live));
      }),

    summarize: ({ role }, changes) => summaryOf(role, changes, "to change"),

    async apply(inputs, previous, call) {
      const doing = `changing the limit and the settings of ${inputs.role}`;
      return inExclusiveTransaction(server, undefined, call, doing, async (db) => {
        const live = await readLive(db, inputs.role);
        if (!live) throw new Error(`cannot change ${inputs.role}: ${missing(inputs.role)}`);
        const plan = await planFor(db, rules, inputs, previous, live);
        await run(db, inputs.role, plan, call);
        return summaryOf(inputs.role, describe(plan), "changed");
      });
    },

    async remove(inputs, call) {
      const { role, former } = inputs;
      if (former instanceof Unknown) throw new Error(`the state has no baseline of ${role}`);
      if (former === null) return;
      const doing = `restoring the limit and the settings of ${role}`;
      await inExclusiveTransaction(server, undefined, call, doing, async (db) => {
        const live = await readLive(db, role);
        if (!live) return;
        const restored = { ...inputs, connectionLimit: former.connectionLimit, settings: {} };
        await run(db, role, await planFor(db, rules, restored, inputs, live), call);
      });
    },
  };
}

async function readLive(db: Queryable, role: string): Promise<Live | undefined> {
  const { rows } = await db.query<Live>(
    `SELECT r.rolconnlimit AS limit, r.rolsuper AS superuser,
            (SELECT count(*)::int FROM pg_stat_activity a WHERE a.usesysid = r.oid AND ${isClient}) AS sessions
     FROM pg_roles r WHERE r.rolname = $1`,
    [role],
  );
  return rows[0];
}

async function planFor(
  db: Queryable,
  rules: SettingRules,
  inputs: Inputs,
  previous: Inputs | undefined,
  live: Live,
): Promise<Plan> {
  const { role, connectionLimit, former } = inputs;
  const [wanted, declaredBefore] = [settingsOf(inputs), previous?.role === role ? settingsOf(previous) : []];
  const known = await rules.read(db, [...wanted, ...declaredBefore]);
  const baselineSettings = former instanceof Unknown ? {} : (former?.settings ?? {});
  const baseline = Object.entries(baselineSettings).flatMap(([database, config]) => parseSettings(database, config));
  return {
    limit: live.limit === connectionLimit ? undefined : { from: live.limit, to: connectionLimit },
    settings: planSettings(wanted, declaredBefore, await readRoleSettings(db, role), baseline, known),
  };
}

function settingsOf({ settings }: Inputs): RoleSetting[] {
  return Object.entries(settings).map(([name, value]) => ({ database: "", name, value: settingText(value) }));
}

function describe({ limit, settings }: Plan): Changes {
  const words = (value: number) => (value === -1 ? "unlimited" : String(value));
  const line = limit && { "connection limit": `${words(limit.from)} -> ${words(limit.to)}` };
  return { ...line, ...describeSettings(settings) };
}

function warningsOf({ role, connectionLimit }: Inputs, { superuser, sessions }: Live): string[] {
  if (superuser) return [`${role} is a superuser, to which no limit applies: run ALTER ROLE ... NOSUPERUSER`];
  if (sessions <= connectionLimit) return [];
  return [
    `${role} has ${sessions} sessions now, more than its limit of ${connectionLimit}: they continue, but it cannot open a new one until ${sessions - connectionLimit + 1} of them end`,
  ];
}

async function run(db: Queryable, role: string, { limit, settings }: Plan, call: Call): Promise<void> {
  const statements = [
    ...(limit ? [`ALTER ROLE ${escapeIdentifier(role)} CONNECTION LIMIT ${limit.to}`] : []),
    ...settings.map((change) => settingStatement(role, change)),
  ];
  for (const statement of statements) {
    refuseCancelled(call.signal);
    try {
      await db.query(statement);
    } catch (error) {
      throw explain(`cannot change ${role} (${statement})`, error);
    }
  }
}

function summaryOf(role: string, changes: Changes, word: string): string | undefined {
  const lines = Object.entries(changes).map(([name, change]) => `${name} ${change}`);
  return lines.length > 0 ? `${role}: ${word}: ${lines.join(", ")}` : undefined;
}

function missing(role: string): string {
  return `the server has no role ${role}; correct app-roles:existingRoles`;
}
