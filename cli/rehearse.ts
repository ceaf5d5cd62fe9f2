import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { Server } from "../provider/connection.ts";
import type { RehearsalGoal, SqlFile } from "../provider/rehearsal/goal.ts";
import { rehearse as rehearseDatabase } from "../provider/rehearsal/rehearse.ts";
import { passed, type Rehearsed } from "../provider/rehearsal/result.ts";
import { alone } from "../provider/run-lock.ts";
import { type Command, UsageError } from "./command.ts";
import { Progress } from "./progress.ts";
import { rehearsalGoals } from "./rehearsal-goals.ts";
import { rehearsalReport } from "./rehearsal-report.ts";
import { readStack } from "./stack.ts";

export const rehearse: Command = {
  summary: "tries on the live server what an up would do, and takes all of it back",
  usage: `app-roles rehearse [--stack NAME] [--database NAME] [--sql FILE]...

Moves every object to its new owner in a transaction of its own, tries it out as its owner and as every role, and rolls
back. Nothing is changed and no role need exist yet. A lock is held for at most 250 ms, and none is waited for while
another is held. Exit code 1 when something failed or could not be rehearsed.

  --stack NAME      the stack; default: the selected one
  --database NAME   rehearse in this database alone
  --sql FILE        also run this SQL, such as the next migration, as the database's owner; may be given more than once`,

  async run(args) {
    const { stack: name, database, sql } = options(args);
    const files = await Promise.all(sql.map(readSql));
    const { server: address, adminPassword, ...stack } = await readStack(name);
    const goals = chosen(rehearsalGoals(stack), database);
    const filesOf = shareOut(goals, files);
    const server = new Server({ ...address.admin, password: adminPassword ?? "" });
    const progress = new Progress();
    const cancel = new AbortController();
    process.once("SIGINT", () => cancel.abort(new Error("cancelled; nothing was changed")));
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
  try {
    const { values } = parseArgs({
      args,
      options: { stack: { type: "string" }, database: { type: "string" }, sql: { type: "string", multiple: true } },
    });
    return { ...values, sql: values.sql ?? [] };
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

async function readSql(name: string): Promise<SqlFile> {
  try {
    return { name, text: await readFile(name, "utf8") };
  } catch (error) {
    throw new Error(`cannot read ${name}: ${(error as Error).message}`);
  }
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

/** SQL runs as an owner; where several databases have one, it must be said which is meant. */
function shareOut(goals: RehearsalGoal[], files: SqlFile[]): Map<string, SqlFile[]> {
  if (files.length === 0) return new Map();
  const owned = goals.filter(({ owner }) => owner !== undefined);
  const [only, ...others] = owned;
  if (!only)
    throw new UsageError("--sql runs as a database's owner, and none here has one (app-roles:databases.*.owner)");
  if (others.length > 0) {
    throw new UsageError(
      `--sql needs --database: ${owned.map(({ database }) => database).join(", ")} each have an owner`,
    );
  }
  return new Map([[only.database, files]]);
}
