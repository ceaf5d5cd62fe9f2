import { createHash } from "node:crypto";
import type { InputsOf } from "../contract.ts";
import type { Server } from "../postgres/connection.ts";
import { planIn } from "../postgres/databases.ts";
import { alone } from "../postgres/locks.ts";
import type { Reconciler } from "../reconciler.ts";
import { rehearsalContract } from "./contract.ts";
import type { RehearsalGoal, SqlFile } from "./goal.ts";
import { type Pending, pending, rehearse } from "./rehearse.ts";
import { passed, problems, type Rehearsed, remarks } from "./result.ts";
import { readSqlFile } from "./sql-file.ts";

type Inputs = InputsOf<typeof rehearsalContract>;

/** Rehearses the up in one database before anything is changed. A preview only counts the changes; Delete does nothing. */
export function rehearsal(server: Server): Reconciler<typeof rehearsalContract> {
  return {
    contract: rehearsalContract,
    identity: ["database"],
    id: ({ database }) => database,

    plan: (inputs) =>
      planIn(server, inputs.database, () =>
        server.session(inputs.database, async (db) => {
          const due = await pending(db, goalOf(inputs));
          const isDue = due.moves + due.privileges > 0;
          const digests = Object.fromEntries((await readFiles(inputs)).map(({ name, text }) => [name, digest(text)]));
          return { changes: isDue ? { rehearsal: describe(due) } : {}, observed: { digests } };
        }),
      ),

    summarize: ({ database }, changes) =>
      `${database}: the up starts with a rehearsal${changes.rehearsal ? ` (${changes.rehearsal})` : ""}`,

    async apply(inputs, _olds, call) {
      const files = await readFiles(inputs);
      const result = await server.session(inputs.database, (db) =>
        alone(db, call, () => rehearse(db, goalOf(inputs), files, call)),
      );
      if (!passed(result)) {
        throw new Error(`the rehearsal in ${inputs.database} did not pass; nothing was changed.\n${problems(result)}`);
      }
      for (const remark of remarks(result)) call.report.warn(`${inputs.database}: ${remark}`);
      return summaryOf(inputs.database, result);
    },

    remove: async () => undefined,
  };
}

function goalOf({ database, schemas, owner, keepOwner, alsoOwn, roles }: Inputs): RehearsalGoal {
  return { database, schemas, owner, keepOwner, alsoOwn, roles };
}

function readFiles({ files }: Inputs): Promise<SqlFile[]> {
  return Promise.all(files.map(readSqlFile));
}

/** The state holds digests of the files, because their text can contain secrets. */
function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function describe({ moves, privileges }: Pending): string {
  return `objects to move: ${moves}, privileges to grant: ${privileges}`;
}

function summaryOf(database: string, { objects, checks, untried, longestHold }: Rehearsed): string {
  const passed = untried.length > 0 ? `all passed, ${untried.length} not tried` : "all passed";
  return `${database}: rehearsed ${objects} objects with ${checks} checks, ${passed}; longest hold ${longestHold} ms`;
}
