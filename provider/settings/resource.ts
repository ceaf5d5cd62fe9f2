import { readRoles, roleRestoration } from "../baseline/role-record.ts";
import type { InputsOf } from "../contract.ts";
import type { Queryable, Server } from "../postgres/connection.ts";
import { databaseNames } from "../postgres/databases.ts";
import { explain } from "../postgres/explain.ts";
import { refuseCancelled } from "../postgres/pause.ts";
import { roleExists } from "../postgres/roles.ts";
import { inExclusiveTransaction } from "../postgres/transaction.ts";
import { child, type Reconciler } from "../reconciler.ts";
import type { Call, CheckFailure } from "../rpc/provider.ts";
import { Unknown } from "../rpc/values.ts";
import { settingsWarnings } from "../warnings/index.ts";
import { SharedReads, warningsOf } from "../warnings/warning.ts";
import { roleSettingsContract } from "./contract.ts";
import { describeSettings, nameOf, planSettings, settingStatement } from "./plan.ts";
import { type DeclaredSetting, settingProblems } from "./problems.ts";
import { releaseRole } from "./release-role.ts";
import { parseSettings, type RoleSetting, readRoleSettings, SettingRules } from "./settings.ts";
import { settingText } from "./values.ts";

type Inputs = InputsOf<typeof roleSettingsContract>;

/** Settings that the official Role overwrites with every update; it does not manage settings IN DATABASE. */
const officialRole = new Map([
  ["statement_timeout", "statementTimeout"],
  ["idle_in_transaction_session_timeout", "idleInTransactionSessionTimeout"],
  ["search_path", "searchPaths"],
  ["role", "assumeRole"],
]);

/** Settings of one role, except those that the official Role manages. */
export function roleSettings(server: Server): Reconciler<typeof roleSettingsContract> {
  const rules = new SettingRules();
  const summaries = new Map<string, string>();
  // Reads that the warnings of all roles share.
  const reads = new SharedReads();
  return {
    contract: roleSettingsContract,
    identity: ["role"],
    hidden: ["before", "former"],
    kept: ["former"],
    advisory: ["setElsewhere", "usedIn", "legacyUsers"],
    id: ({ role }) => role,

    async plan(inputs, previous) {
      return server.anySession(async (db) => {
        const wanted = declaredSettings(inputs);
        const known = await rules.read(db, wanted);
        const failures = [
          ...(await settingProblems(db, wanted, known, officialProblem)),
          ...(await missingDatabases(db, inputs)),
        ];
        if (failures.length > 0) return { changes: {}, failures };
        const changes = await planFor(db, rules, inputs, previous);
        // A role that does not exist yet gets what is declared.
        if (await roleExists(db, inputs.role)) {
          summaries.set(inputs.role, summaryOf(inputs, wanted.length, describeSettings(changes), "to change"));
        }
        const { role, setElsewhere = [], usedIn = [], legacyUsers = [] } = inputs;
        const facts = { role, settings: wanted, setElsewhere, usedIn, legacyUsers };
        const warnings = await warningsOf(db, facts, settingsWarnings, reads);
        return { changes: describeSettings(changes), warnings };
      });
    },

    drift: (inputs) => server.anySession(async (db) => describeSettings(await planFor(db, rules, inputs, undefined))),

    summarize: ({ role }) => summaries.get(role),

    async apply(inputs, previous, call) {
      const doing = `setting the settings of ${inputs.role}`;
      // Advisory locks belong to one database: the admin's is used for changes of the whole server.
      return inExclusiveTransaction(server, undefined, call, doing, async (db) => {
        if (!(await roleExists(db, inputs.role))) {
          throw new Error(
            `cannot set the settings of ${inputs.role}: there is no such role. If it was dropped by hand, run up again.`,
          );
        }
        const changes = await planFor(db, rules, inputs, previous);
        await run(db, inputs.role, changes, call);
        const lines = describeSettings(changes);
        return changes.length > 0 ? summaryOf(inputs, declaredSettings(inputs).length, lines, "changed") : undefined;
      });
    },

    async remove(inputs, call) {
      const nothing: Inputs = { ...inputs, settings: {}, databases: {} };
      // An adopted role stays, so its settings by the official Role are restored too.
      const written = inputs.former ? Object.fromEntries([...officialRole.keys()].map((name) => [name, ""])) : {};
      const last = { ...inputs, settings: { ...inputs.settings, ...written } };
      const doing = `restoring the settings of ${inputs.role}`;
      await inExclusiveTransaction(server, undefined, call, doing, async (db) => {
        if (!(await roleExists(db, inputs.role))) return;
        await run(db, inputs.role, await planFor(db, rules, nothing, last), call);
        if (inputs.former) await restore(db, inputs.role, inputs.former);
      });
      if (inputs.former) return;
      // Privileges and Ownership depend on this resource and are deleted by now: the role is dropped next.
      await releaseRole(server, inputs.role, call);
    },
  };
}

function officialProblem({ database, name }: RoleSetting): string | undefined {
  const attribute = officialRole.get(name.toLowerCase());
  if (attribute === undefined || database !== "") return undefined;
  return `${name} is managed by the official Role (${attribute}), which would overwrite it with its next update`;
}

/** Without values that are not known yet, which the up plans. */
function declaredSettings({ settings, databases }: Inputs): DeclaredSetting[] {
  const of = (database: string, path: string, map: Inputs["settings"]): DeclaredSetting[] =>
    Object.entries(map).flatMap(([name, value]) =>
      value instanceof Unknown ? [] : [{ database, name, value: settingText(value), path: child(path, name) }],
    );
  return [
    ...of("", "settings", settings),
    ...Object.entries(databases).flatMap(([database, map]) => of(database, child("databases", database), map)),
  ];
}

/** Settings that the last up declared for this role. */
function previouslyDeclared(inputs: Inputs, previous: Inputs | undefined): Pick<RoleSetting, "database" | "name">[] {
  if (previous?.role !== inputs.role) return [];
  const names = (database: string, map: Inputs["settings"]) => Object.keys(map).map((name) => ({ database, name }));
  return [
    ...names("", previous.settings),
    ...Object.entries(previous.databases).flatMap(([database, map]) => names(database, map)),
  ];
}

/** Restores everything but the settings. Errors do not show the statements, which contain a password verifier. */
async function restore(db: Queryable, role: string, baseline: NonNullable<Inputs["former"]>): Promise<void> {
  if (baseline instanceof Unknown) throw new Error(`the state has no baseline of ${role}`);
  const { [role]: live } = await readRoles(db, [role]);
  if (!live) return;
  try {
    for (const statement of roleRestoration(role, live, baseline, baseline.verifier)) await db.query(statement);
  } catch (error) {
    throw explain(`cannot restore the attributes, password and memberships of ${role}`, error);
  }
}

async function planFor(db: Queryable, rules: SettingRules, inputs: Inputs, previous: Inputs | undefined) {
  const wanted = declaredSettings(inputs);
  // A setting whose value is not known yet is still declared.
  const declared = new Set(previouslyDeclared(inputs, inputs).map(nameOf));
  const dropped = previouslyDeclared(inputs, previous).filter((setting) => !declared.has(nameOf(setting)));
  const known = await rules.read(db, [...wanted, ...dropped]);
  const live = await readRoleSettings(db, inputs.role);
  // Settings in a dropped database were dropped with it.
  const existing = new Set(["", ...(await databaseNames(db, "with"))]);
  const baseline = baselineOf(inputs).filter(({ database }) => existing.has(database));
  return planSettings(wanted, dropped, live, baseline, known);
}

function baselineOf({ before, former }: Inputs): RoleSetting[] {
  const baselineSettings = former && !(former instanceof Unknown) ? former.settings : {};
  return Object.entries({ ...baselineSettings, ...(before instanceof Unknown ? {} : before) }).flatMap(
    ([database, config]) => parseSettings(database, config),
  );
}

async function missingDatabases(db: Queryable, { databases }: Inputs): Promise<CheckFailure[]> {
  if (Object.keys(databases).length === 0) return [];
  const existing = await databaseNames(db);
  return Object.keys(databases)
    .filter((database) => !existing.includes(database))
    .map((database) => ({
      property: child("databases", database),
      reason: `the server has no database ${database}; it has ${existing.join(", ")}`,
    }));
}

async function run(
  db: Queryable,
  role: string,
  changes: Awaited<ReturnType<typeof planFor>>,
  call: Call,
): Promise<void> {
  for (const change of changes) {
    refuseCancelled(call.signal);
    try {
      await db.query(settingStatement(role, change));
    } catch (error) {
      const what = change.to === undefined ? `reset ${nameOf(change)}` : `set ${nameOf(change)} to ${change.to}`;
      throw explain(`cannot ${what} for ${role}`, error);
    }
  }
}

function summaryOf({ role }: Inputs, total: number, lines: Record<string, string>, word: string): string {
  const changes = Object.entries(lines).map(([name, change]) => `${name} ${change}`);
  const counted = `${role}: ${total} ${total === 1 ? "setting" : "settings"}`;
  return changes.length === 0 ? counted : `${counted}, ${changes.length} ${word}: ${changes.join(", ")}`;
}
