import type { PublicPrivilege } from "../../model/stack.ts";
import type { InputsOf } from "../contract.ts";
import type { Queryable, Server } from "../postgres/connection.ts";
import { missingDatabase } from "../postgres/databases.ts";
import { explain } from "../postgres/explain.ts";
import { refuseCancelled } from "../postgres/pause.ts";
import { inExclusiveTransaction } from "../postgres/transaction.ts";
import type { Changes, Reconciler } from "../reconciler.ts";
import type { Call } from "../rpc/provider.ts";
import { Unknown } from "../rpc/values.ts";
import { publicPrivilegesContract } from "./contract.ts";
import {
  planRestorations,
  planRevocations,
  type Revocation,
  readPublicPrivileges,
  restorationStatements,
  revocationStatements,
} from "./plan.ts";

type Inputs = InputsOf<typeof publicPrivilegesContract>;

/**
 * Revokes privileges on a database from PUBLIC, after granting them to every other login role that has them only through PUBLIC.
 * Restores the baseline when it is deleted.
 */
export function publicPrivileges(server: Server): Reconciler<typeof publicPrivilegesContract> {
  const change = (inputs: Inputs, previous: Inputs | undefined, call: Call, doing: string) =>
    inExclusiveTransaction(server, undefined, call, doing, async (db) => {
      const plan = await planFor(db, inputs, previous);
      for (const statement of plan.statements) {
        refuseCancelled(call.signal);
        try {
          await db.query(statement);
        } catch (error) {
          throw explain(`${doing} (${statement})`, error);
        }
      }
      await refuseLeft(db, inputs);
      return plan;
    });

  return {
    contract: publicPrivilegesContract,
    identity: ["database"],
    hidden: ["former", "roles"],
    id: ({ database }) => database,

    plan: (inputs, previous) =>
      server.anySession(async (db) => {
        const failures = await missingDatabase(db, inputs.database);
        if (failures.length > 0) return { changes: {}, failures };
        const { changes, problem } = await planFor(db, inputs, previous);
        return { changes, ...(problem !== undefined && { failures: [{ property: "revoke", reason: problem }] }) };
      }),

    drift: (inputs) => server.anySession(async (db) => (await planFor(db, inputs, undefined)).changes),

    summarize: ({ database }, changes) => summaryOf(database, changes),

    async apply(inputs, previous, call) {
      const { changes } = await change(
        inputs,
        previous,
        call,
        `changing the privileges of PUBLIC on ${inputs.database}`,
      );
      return summaryOf(inputs.database, changes);
    },

    async remove(inputs, call) {
      await change({ ...inputs, revoke: [] }, inputs, call, `restoring the privileges of PUBLIC on ${inputs.database}`);
    },
  };
}

interface Planned {
  changes: Changes;
  statements: string[];
  problem: string | undefined;
}

async function planFor(db: Queryable, inputs: Inputs, previous: Inputs | undefined): Promise<Planned> {
  const { database, revoke, roles, former } = inputs;
  const live = await readPublicPrivileges(db, database);
  // The database was dropped: there is nothing to revoke or restore.
  if (!live) return { changes: {}, statements: [], problem: undefined };
  const revoked = planRevocations(live, revoke, roles);
  const dropped: PublicPrivilege[] = (previous?.revoke ?? []).filter((privilege) => !revoke.includes(privilege));
  const acl = former instanceof Unknown ? undefined : former.acls[live.key];
  const restored = planRestorations(live, dropped, roles, acl);
  const isChange = revoked.length + restored.length > 0;
  return {
    changes: Object.fromEntries([
      ...revoked.map((each) => [`PUBLIC: ${each.privilege}`, `revoked${to("; granted to", each)}`]),
      ...restored.map((each) => [`PUBLIC: ${each.privilege}`, `granted again${to("; revoked from", each)}`]),
    ]),
    statements: [
      ...revoked.flatMap((each) => revocationStatements(database, each)),
      ...restored.flatMap((each) => restorationStatements(database, each)),
    ],
    problem:
      isChange && !live.isOurs
        ? `the database ${database} belongs to ${live.owner}, and the admin is neither a member of it nor a superuser: it cannot revoke anything there`
        : undefined,
  };
}

function to(words: string, { grantees }: Revocation): string {
  return grantees.length > 0 ? `${words} ${grantees.join(", ")}` : "";
}

/** Privileges that a role other than the owner granted to PUBLIC remain after the owner's REVOKE. */
async function refuseLeft(db: Queryable, { database, revoke }: Inputs): Promise<void> {
  const live = await readPublicPrivileges(db, database);
  for (const { privilege, grantors } of live?.privileges ?? []) {
    if (!revoke.includes(privilege) || grantors.length === 0) continue;
    throw new Error(
      `PUBLIC still has ${privilege} on the database ${database}, granted by ${grantors.join(", ")}; nothing was changed. ` +
        `As that role: REVOKE ${privilege} ON DATABASE ... FROM PUBLIC`,
    );
  }
}

function summaryOf(database: string, changes: Changes): string | undefined {
  const lines = Object.entries(changes).map(([what, change]) => `${what} ${change}`);
  return lines.length > 0 ? `database ${database}: ${lines.join("; ")}` : undefined;
}
