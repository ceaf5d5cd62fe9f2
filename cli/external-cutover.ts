import { loginsOf } from "../model/login-roles.ts";
import { budgetEntries, type Service } from "../model/stack.ts";
import { readLiveBudget, table } from "../provider/catalog/budget.ts";
import { type RoleSession, readRoleSessions } from "../provider/catalog/role-sessions.ts";
import { Server } from "../provider/connection.ts";
import { inWords } from "../provider/gate/in-words.ts";
import { pause } from "../provider/pause.ts";
import { env } from "./env.ts";
import { Screen } from "./screen.ts";
import type { ConfiguredStack } from "./stack.ts";

/** Milliseconds between two looks. */
const interval = 1000;

export interface ExternalCutover {
  service: Service;
  stack: string;
  configured: ConfiguredStack;
  /** Where its URL is written, as by `app-roles env`; undefined: nowhere. */
  envFile: string | undefined;
  /** Milliseconds for which its first session is waited for. */
  timeout: number;
  /** Sessions that the role has already are not its first, but when it was cut over by an earlier run. */
  isResumed: boolean;
}

/**
 * The part of a cutover that only the user can do: hands out the role's URL of a service that somebody else restarts, and
 * waits for the first session of its role. Resolves with the exit code; what it says is what was seen.
 */
export async function awaitRestart(cutover: ExternalCutover, signal: AbortSignal): Promise<0 | 1> {
  const { service, stack, configured, envFile, timeout, isResumed } = cutover;
  const { name, role, database, urlKey } = service;
  const server = new Server({ ...configured.server.admin, password: configured.adminPassword ?? "" });
  const screen = new Screen(process.stderr);
  const logins = loginsOf(role, configured.roles[role] ?? {});
  const sessions = () => server.anySession((db) => readRoleSessions(db, logins, database));
  try {
    const known = new Set(isResumed ? [] : (await sessions()).map(({ id }) => id));
    if (envFile !== undefined) await env.run([name, "--file", envFile, "--stack", stack]);
    const where = envFile ?? `npx app-roles env ${name} --file ${name}.env --stack ${stack}`;
    console.log(`${name}: its ${urlKey} is that of ${role} now (${where}). Restart it with that now.`);
    const began = Date.now();
    for (;;) {
      const first = (await sessions()).find(({ id }) => !known.has(id));
      if (first) {
        screen.end();
        console.log(seen(cutover, first, Date.now() - began));
        return 0;
      }
      const left = began + timeout - Date.now();
      if (left <= 0) {
        screen.end();
        console.error(notSeen(cutover));
        return 1;
      }
      screen.show(await server.anySession(async (db) => table(budgetEntries(configured), await readLiveBudget(db))));
      screen.status(`${name}: waiting for the first session of ${role} (${inWords(left)} left, Ctrl-C ends it)`);
      await pause(Math.min(interval, left), signal);
    }
  } catch (error) {
    screen.end();
    const why = signal.aborted ? "interrupted" : (error as Error).message;
    console.error(`${name} is not waited for any longer: ${why}. ${next(cutover)}`);
    return 1;
  } finally {
    await server.close();
  }
}

function seen({ service, configured }: ExternalCutover, { address }: RoleSession, after: number): string {
  const { name, role, database } = service;
  const others = configured.services
    .filter((each) => each.role === role && each.name !== name)
    .map((each) => each.name);
  const shared =
    others.length > 0 ? ` The role is that of ${others.join(", ")} too: make sure that it is ${name}'s.` : "";
  return `${name}: a session of ${role} came to ${database} from ${address ?? "a local socket"}, ${inWords(after)} after that.${shared}`;
}

function notSeen(cutover: ExternalCutover): string {
  const { service, timeout } = cutover;
  return (
    `${service.name}: NO SESSION of ${service.role} has come within ${inWords(timeout)}. It runs on the URL it had, is down, or ` +
    `cannot log in: look at its log. ${next(cutover)}`
  );
}

function next({ service: { name }, stack }: ExternalCutover): string {
  return (
    `Nothing was taken back. Restart it with its new URL and run npx app-roles cutover ${name} --stack ${stack} again, which waits ` +
    `again; or roll back: npx app-roles rollback ${name} --stack ${stack}`
  );
}
