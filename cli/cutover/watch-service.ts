import type { ConfiguredStack } from "../../config/command-line.ts";
import { loginsOf } from "../../model/login-roles.ts";
import { defaultGate } from "../../model/runtime.ts";
import { budgetEntries, type Service } from "../../model/stack.ts";
import { readLiveBudget, table } from "../../provider/budget/live-budget.ts";
import { type Look, NotWell, noSessions, passGate } from "../../provider/cutover/gate/gate.ts";
import { IdleEnds } from "../../provider/cutover/gate/idle-ends.ts";
import { lookAt, readWatchedService } from "../../provider/cutover/gate/resource.ts";
import { inWords } from "../../provider/cutover/gate/words.ts";
import { Server } from "../../provider/postgres/connection.ts";
import { readIdleTimeout } from "../../provider/sessions/idle-timeout.ts";
import { readRoleSessions } from "../../provider/sessions/role-sessions.ts";
import { exportState, serviceResources } from "../pulumi/state.ts";
import { patiently } from "../terminal/patiently.ts";
import { Screen } from "../terminal/screen.ts";

/** Milliseconds for which looks may fail in a row, as while the server is restarted. */
const patience = 60_000;

/**
 * Watches a service on its role for `time` milliseconds, as its gate does, and shows every role's sessions beside its limit.
 * Resolves with what went wrong; undefined when all stayed well, or when it was interrupted or could not be watched any
 * longer, which it says.
 */
export async function watchService(
  name: string,
  stack: string,
  configured: ConfiguredStack,
  time: number,
  signal: AbortSignal,
): Promise<string[] | undefined> {
  const service = configured.services.find((each) => each.name === name) as Service;
  const server = new Server({ ...configured.server.admin, password: configured.adminPassword ?? "" });
  const screen = new Screen();
  const entries = budgetEntries(configured);
  try {
    const { look, timeout } = await howToLook(service, stack, configured, server);
    const report = { info: console.error, warn: console.error, progress: (line: string) => screen.status(line) };
    // A look that cannot be taken says nothing about the service.
    const unseen: Look = { sessions: 0, pending: [noSessions], idleEnds: 0, failure: undefined };
    const patient = patiently(unseen, patience, async () => {
      screen.show(await server.anySession(async (db) => table(entries, await readLiveBudget(db))));
      return look();
    });
    const sessions = await passGate(name, { timeout, soak: time }, patient, { report, signal });
    screen.end();
    // Of one that somebody else restarts neither a container nor a log is known.
    const seen = service.runtime === "external" ? `sessions of ${service.role}` : "well";
    console.log(`${name}: ${seen} for ${inWords(time)}, ${sessions} now.`);
    return undefined;
  } catch (error) {
    screen.end();
    if (error instanceof NotWell) return [error.failure.reason, ...error.failure.lines.map((line) => `| ${line}`)];
    const why = signal.aborted ? "interrupted" : (error as Error).message;
    console.error(`${name} stays on its role, and is not watched any longer: ${why}`);
    return undefined;
  } finally {
    await server.close();
  }
}

/** As its gate does, or, of one that somebody else restarts, its role's sessions alone. */
async function howToLook(service: Service, stack: string, { roles }: ConfiguredStack, server: Server) {
  const resources = serviceResources(await exportState(stack)).get(service.name) ?? [];
  const gate = resources.find(({ type }) => type === "pgaccess:index:CutoverGate");
  if (gate) {
    const inputs = readWatchedService(gate.inputs);
    const { look } = await lookAt(server, inputs, (message) => console.error(message));
    return { look, timeout: inputs.gate.timeout };
  }
  const logins = loginsOf(service.role, roles[service.role] ?? {});
  const idleTimeout = await server.anySession((db) => readIdleTimeout(db, logins[0] as string, service.database));
  const idleEnds = new IdleEnds(idleTimeout);
  const look = async (): Promise<Look> => {
    const sessions = await server.anySession((db) => readRoleSessions(db, logins, service.database));
    idleEnds.see(sessions);
    const pending = sessions.length > 0 ? [] : [noSessions];
    return { sessions: sessions.length, pending, idleEnds: idleEnds.count, failure: undefined };
  };
  return { look, timeout: defaultGate.timeout };
}
