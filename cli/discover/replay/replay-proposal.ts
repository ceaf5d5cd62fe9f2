import { parseStack } from "../../../config/parse-stack.ts";
import type { Server } from "../../../provider/postgres/connection.ts";
import { alone } from "../../../provider/postgres/locks.ts";
import { rehearsalGoals } from "../../rehearse/rehearse.ts";
import type { Discovery } from "../discovery.ts";
import type { Replayed } from "../evidence.ts";
import type { Proposal } from "../proposed/config.ts";
import { seenStatements } from "../seen-statements.ts";
import { type Recorded, replay } from "./replay.ts";

/** Why the proposal of this discovery cannot be replayed. Undefined: it can. */
export function replayProblem({ server, incomplete }: Discovery, { plan, services }: Proposal): string | undefined {
  if (incomplete !== undefined) return incomplete;
  if (server.isStandby) return "a standby cannot create the roles: replay on the primary";
  if (!server.isSuperuser)
    return `${server.user} is not a superuser, and only a superuser can act as roles that do not exist`;
  return plan === undefined || services.length === 0 ? "there is no proposal" : undefined;
}

/** Replays what was recorded of the services as the roles of the proposal, one database after the other. */
export async function replayProposal(
  server: Server,
  discovery: Discovery,
  proposal: Proposal,
  progress: (message: string) => void,
): Promise<Replayed[]> {
  const recorded = recordedOf(discovery, proposal);
  const report = { info: progress, warn: progress, progress };
  const call = { signal: new AbortController().signal, report };
  const replayed: Replayed[] = [];
  for (const goal of rehearsalGoals(parseStack({ ...proposal.config }))) {
    progress(`replaying the statements of ${goal.database}`);
    const here = recorded.get(goal.database) ?? [];
    const result = await server.session(goal.database, async (db) => {
      // Sessions of a discovery are read-only, and CREATE ROLE is a write even if it is rolled back.
      await db.query("SET default_transaction_read_only = off");
      try {
        return await alone(db, call, () => replay(db, goal, here));
      } finally {
        // A lost connection has no settings.
        await db.query("SET default_transaction_read_only = on").catch(() => undefined);
      }
    });
    replayed.push(result);
  }
  return replayed;
}

/** Database to what its roles were seen to do; services with the same role together. */
function recordedOf({ who, watch, log, server, evidence }: Discovery, proposal: Proposal): Map<string, Recorded[]> {
  const superusers = new Set(server.roles.filter(({ superuser }) => superuser).map(({ role }) => role));
  const { of } = seenStatements(who.services, watch.statements, log, superusers, server.querySize);
  const databases = Map.groupBy(proposal.services, ({ seen }) => seen.database);
  return new Map(
    [...databases].map(([database, services]) => {
      const roles = Map.groupBy(services, ({ role }) => role);
      const recorded = [...roles].map(([role, users]) => ({
        role,
        statements: users.flatMap(({ seen }) => of.get(seen.name) ?? []),
        uses: users.flatMap(({ seen }) => evidence.get(seen.name)?.uses ?? []),
      }));
      return [database, recorded];
    }),
  );
}
