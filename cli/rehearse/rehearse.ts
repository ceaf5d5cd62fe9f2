import { parseArgs } from "node:util";
import { readStack } from "../../config/command-line.ts";
import type { Stack } from "../../model/stack.ts";
import { Server } from "../../provider/postgres/connection.ts";
import { alone } from "../../provider/postgres/run-lock.ts";
import { readSqlFile } from "../../provider/rehearsal/files.ts";
import type { RehearsalGoal, SqlFile } from "../../provider/rehearsal/goal.ts";
import { rehearse as rehearseDatabase } from "../../provider/rehearsal/rehearse.ts";
import { passed, type Rehearsed } from "../../provider/rehearsal/result.ts";
import { type Command, UsageError } from "../terminal/command.ts";
import { reading } from "../terminal/options.ts";
import { Progress } from "../terminal/progress.ts";
import { rehearsalGoals } from "./goals.ts";
import { rehearsalReport } from "./report.ts";

export const rehearse: Command = {
  summary: "tries on the live server what an up would do, and takes all of it back",
  usage: `app-roles rehearse [--stack NAME] [--database NAME] [--sql FILE]...

Moves every object to its new owner in a transaction of its own, tries it out as its owner and as every role, and rolls
back. Nothing is changed and no role need exist yet. A lock is held for at most 250 ms, and none is waited for while
another is held: an object that takes longer is named as not tried, with how long its move will hold its locks. Exit code 1
when something failed, or could not be rehearsed because others hold it; what was not tried, and warnings, are no failure.

  --stack NAME      the stack; default: the selected one
  --database NAME   rehearse in this database alone
  --sql FILE        run this SQL too, such as the next migration, as the database's owner, after the files that the
                    configuration names (rehearseSql); may be given more than once`,

  async run(args) {
    const { stack: name, database, sql } = options(args);
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
  },
};

function options(args: string[]) {
  return reading(() => {
    const { values } = parseArgs({
      args,
      options: { stack: { type: "string" }, database: { type: "string" }, sql: { type: "string", multiple: true } },
    });
    return { ...values, sql: values.sql ?? [] };
  });
}

function chosen(goals: RehearsalGoal[], database: string | undefined): RehearsalGoal[] {
  const names = goals.map((goal) => goal.database).join(", ");
  if (goals.length === 0)
    throw new Error("the stack declares no databases (app-roles:databases): there is nothing to rehearse");
  if (database === undefined) return goals;
  const wanted = goals.filter((goal) => goal.database === database);
  if (wanted.length === 0) throw new UsageError(`the stack declares no database ${database}; it has ${names}`);
  return wanted;
}

/** By database. SQL runs as an owner; where several databases have one, it must be said whose `given` is. */
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
    throw new UsageError("--sql runs as a database's owner, and none here has one (app-roles:databases.*.owner)");
  }
  if (others.length > 0) {
    throw new UsageError(`--sql needs --database: ${[only, ...others].join(", ")} each have an owner`);
  }
  return files.set(only, [...(files.get(only) ?? []), ...given]);
}
