import { rehearsedRoles } from "../../model/rehearsal.ts";
import type { Stack } from "../../model/stack.ts";
import { Server } from "../../provider/postgres/connection.ts";
import { alone } from "../../provider/postgres/locks.ts";
import type { RehearsalGoal, SqlFile } from "../../provider/rehearsal/goal.ts";
import { rehearse as rehearseDatabase } from "../../provider/rehearsal/rehearse.ts";
import { passed, problems, type Rehearsed } from "../../provider/rehearsal/result.ts";
import { readSqlFile } from "../../provider/rehearsal/sql-file.ts";
import { readStack } from "../pulumi/read-stack.ts";
import { UsageError } from "../terminal/command.ts";
import { Progress } from "../terminal/progress.ts";
import { table } from "../terminal/screen.ts";

export interface RehearseOptions {
  stack?: string;
  /** Default: every database. */
  database?: string;
  /** Files. */
  sql?: string[];
}

/** Prints a report. Resolves with the exit code: 1 if something failed or could not be rehearsed. */
export async function rehearse({ stack: name, database, sql = [] }: RehearseOptions): Promise<number> {
  const given = await Promise.all(sql.map(readSqlFile));
  const { server: address, adminPassword, ...stack } = await readStack(name);
  const goals = chosen(rehearsalGoals(stack), database);
  const filesOf = await sqlFiles(goals, stack.databases, given);
  const server = new Server({ ...address.admin, password: adminPassword ?? "" });
  const progress = new Progress();
  const cancel = new AbortController();
  process.once("SIGINT", () => cancel.abort());
  const show = (message: string) => progress.show(message);
  const call = { signal: cancel.signal, report: { info: show, warn: show, progress: show } };
  const results = new Map<string, Rehearsed>();
  try {
    for (const goal of goals) {
      const result = await server.session(goal.database, (db) =>
        alone(db, call, () => rehearseDatabase(db, goal, filesOf.get(goal.database) ?? [], call)),
      );
      results.set(goal.database, result);
    }
  } finally {
    progress.end();
    await server.close();
  }
  console.log(rehearsalReport(results));
  return [...results.values()].every(passed) ? 0 : 1;
}

function chosen(goals: RehearsalGoal[], database: string | undefined): RehearsalGoal[] {
  const names = goals.map((goal) => goal.database).join(", ");
  if (goals.length === 0)
    throw new Error("the stack declares no databases (app-roles:databases), so there is nothing to rehearse");
  if (database === undefined) return goals;
  const wanted = goals.filter((goal) => goal.database === database);
  if (wanted.length === 0) throw new UsageError(`the stack declares no database ${database}; it declares ${names}`);
  return wanted;
}

/** SQL files by database. `given` runs as the database's owner; if several databases have one, --database must choose. */
async function sqlFiles(
  goals: RehearsalGoal[],
  databases: Stack["databases"],
  given: SqlFile[],
): Promise<Map<string, SqlFile[]>> {
  const files = new Map<string, SqlFile[]>();
  for (const { database } of goals) {
    files.set(database, await Promise.all((databases[database]?.rehearseSql ?? []).map(readSqlFile)));
  }
  if (given.length === 0) return files;
  const [only, ...others] = goals.filter(({ owner }) => owner !== undefined).map(({ database }) => database);
  if (only === undefined) {
    throw new UsageError(
      "--sql runs as a database's owner, and no database here has one (app-roles:databases.*.owner)",
    );
  }
  if (others.length > 0) {
    throw new UsageError(`--sql requires --database: ${[only, ...others].join(", ")} each have an owner`);
  }
  return files.set(only, [...(files.get(only) ?? []), ...given]);
}

/** What an up would change in each database. */
export function rehearsalGoals({ databases, roles }: Pick<Stack, "databases" | "roles">): RehearsalGoal[] {
  return Object.entries(databases).map(([database, { schemas, owner, keepOwner, alsoOwn }]) => ({
    database,
    schemas,
    owner,
    keepOwner,
    alsoOwn,
    roles: rehearsedRoles(roles, database),
  }));
}

/** A table of counts, then failures and missed objects with their fixes. */
export function rehearsalReport(results: Map<string, Rehearsed>): string {
  const head = ["database", "objects", "moved", "checks", "failed", "not rehearsed", "not tried", "longest hold (ms)"];
  const rows = [...results].map(([database, { objects, moved, checks, failed, missed, untried, longestHold }]) => [
    database,
    objects,
    moved,
    checks,
    failed.length,
    missed.length,
    untried.length,
    longestHold,
  ]);
  const all = [...results.values()];
  const found = problems({
    failed: all.flatMap((result) => result.failed),
    missed: all.flatMap((result) => result.missed),
    untried: all.flatMap((result) => result.untried),
    warned: all.flatMap((result) => result.warned),
  });
  return [
    table([head, ...rows]),
    ...(found === "" ? [] : ["", found]),
    "",
    all.every(passed)
      ? "The rehearsal passed. Everything was rolled back."
      : "The rehearsal did not pass. Everything was rolled back; nothing was changed.",
  ].join("\n");
}
