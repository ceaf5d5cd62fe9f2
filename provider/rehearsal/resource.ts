import { createHash } from "node:crypto";
import { z } from "zod";
import type { Server } from "../postgres/connection.ts";
import { planIn } from "../postgres/missing-database.ts";
import { alone } from "../postgres/run-lock.ts";
import { accessLevels } from "../privileges/access-levels.ts";
import { explicitGrants } from "../privileges/explicit-grants.ts";
import type { Reconciler } from "../reconciler.ts";
import { readSqlFile } from "./files.ts";
import type { RehearsalGoal, SqlFile } from "./goal.ts";
import { type Pending, pending, rehearse } from "./rehearse.ts";
import { problems, remarks } from "./report.ts";
import { passed, type Rehearsed } from "./result.ts";

const shape = {
  database: z.string().min(1),
  schemas: z.array(z.string().min(1)),
  /** Role that shall own every object in the schemas; none: they stay where they are. */
  owner: z.string().min(1).optional(),
  /** Object, or a pattern with `*` and `?`, to the role it stays with. */
  keepOwner: z.record(z.string(), z.string()).default({}),
  alsoOwn: z.array(z.string()).default([]),
  /** All roles of the stack, as the up will make them. */
  roles: z.array(
    z.strictObject({
      role: z.string(),
      /** None: explicit grants alone, or nothing in this database. */
      access: z.enum(accessLevels).optional(),
      grants: explicitGrants.optional(),
      settings: z.record(z.string(), z.string()),
    }),
  ),
  /** SQL files that are run as the owner; paths from the project's folder. */
  files: z.array(z.string().min(1)).default([]),
};
type Inputs = z.infer<z.ZodObject<typeof shape>>;

/** How one database would take the up, tried out before anything is changed. Previews only count; Delete does nothing. */
export function rehearsal(server: Server): Reconciler<typeof shape> {
  return {
    description: "A rehearsal, rolled back object by object, of what an up is about to do in one database.",
    shape,
    identity: ["database"],
    observed: ["digests"],
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
      `${database}: the up begins with a rehearsal${changes.rehearsal ? ` (${changes.rehearsal})` : ""}`,

    async apply(inputs, _olds, call) {
      const files = await readFiles(inputs);
      const result = await server.session(inputs.database, (db) =>
        alone(db, call, () => rehearse(db, goalOf(inputs), files, call)),
      );
      if (!passed(result)) {
        throw new Error(`the rehearsal in ${inputs.database} did not pass; nothing is changed.\n${problems(result)}`);
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

/** In the state a file stands by its digest: its text could hold what is secret. */
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
