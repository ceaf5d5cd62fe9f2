import { access, constants } from "node:fs/promises";
import { dirname } from "node:path";
import { loginsOf } from "../../model/login-roles.ts";
import { budgetEntries, type Service } from "../../model/stack.ts";
import { readLiveBudget, table } from "../../provider/budget/live-budget.ts";
import { inWords } from "../../provider/cutover/gate/gate.ts";
import { Server } from "../../provider/postgres/connection.ts";
import { pause } from "../../provider/postgres/pause.ts";
import { type RoleSession, readRoleSessions } from "../../provider/postgres/sessions.ts";
import { env } from "../env/env.ts";
import type { Format } from "../env/format.ts";
import type { ConfiguredStack } from "../pulumi/read-stack.ts";
import { UsageError } from "../terminal/command.ts";
import { Screen } from "../terminal/screen.ts";
import { type Patience, PatientLooks } from "./patient-looks.ts";
import { watchService } from "./watch-service.ts";

/** Milliseconds between two looks. */
const interval = 1000;

/** Milliseconds to wait for the first session: long enough to redeploy a service by hand. */
const defaultTimeout = 15 * 60_000;

/** Options for a service that the user restarts. */
export interface Handout {
  /** The file that receives its URL, as with `app-roles env`; undefined for none. */
  envFile: string | undefined;
  format: Format;
  /** Milliseconds to wait for its first session. Default: 15 minutes. */
  timeout: number | undefined;
}

export interface ExternalCutover extends Handout {
  service: Service;
  stack: string;
  configured: ConfiguredStack;
  /** An earlier run cut it over: a session that its role already has counts too. */
  isResumed: boolean;
}

/** Throws before anything is changed if the URL cannot be handed out as requested. */
export async function refuseHandout({ name, runtime }: Service, { envFile, timeout }: Handout): Promise<void> {
  if (runtime !== "external") {
    if (envFile === undefined && timeout === undefined) return;
    throw new UsageError(`--file and --timeout are for the runtime external; the stack restarts ${name} (${runtime})`);
  }
  if (envFile === undefined) return;
  await access(dirname(envFile), constants.W_OK | constants.X_OK).catch((error: Error) => {
    throw new Error(`--file: cannot write ${envFile}: ${error.message}. Nothing was changed.`);
  });
}

/**
 * The cutover of an external service after a successful up: waits for its restart by the user, then watches it for `watch`
 * milliseconds. Resolves with the exit code. Nothing is rolled back: that is up to the user who restarts it.
 */
export async function cutoverExternal(
  cutover: ExternalCutover,
  watch: number | undefined,
  signal: AbortSignal,
  patience?: Patience,
): Promise<0 | 1> {
  const { service, stack, configured } = cutover;
  const code = await awaitRestart(cutover, signal, patience);
  if (code !== 0 || watch === undefined) return code;
  const watched = await watchService(service.name, stack, configured, watch, signal, patience);
  if (watched.state !== "trouble") return watched.state === "healthy" ? 0 : 1;
  const [reason, ...lines] = watched.lines;
  console.error(
    [`${service.name} is not healthy as ${service.role}: ${reason}.`, ...lines.map((line) => `  ${line}`)].join("\n"),
  );
  console.error(next(cutover));
  return 1;
}

/** Hands out the service's URL and waits for the first session of its role. Resolves with the exit code. */
async function awaitRestart(
  cutover: ExternalCutover,
  signal: AbortSignal,
  patience: Patience | undefined,
): Promise<0 | 1> {
  const { service, stack, configured, envFile, format, timeout = defaultTimeout, isResumed } = cutover;
  const { name, role, database, urlKey } = service;
  const server = new Server({ ...configured.server.admin, password: configured.adminPassword ?? "" });
  const screen = new Screen(process.stderr);
  const logins = loginsOf(role, configured.roles[role] ?? {});
  const sessions = () => server.anySession((db) => readRoleSessions(db, logins, database));
  const looks = new PatientLooks<Seen>(
    async () => ({
      sessions: await sessions(),
      budget: await server.anySession(async (db) => table(budgetEntries(configured), await readLiveBudget(db))),
    }),
    signal,
    (error, left) =>
      screen.status(`${name}: cannot be observed (${error.message}); retrying for another ${inWords(left)}`),
    patience,
  );
  try {
    const before = await sessions();
    if (envFile !== undefined) {
      await env({ service: name, file: envFile, format, stack });
      console.log(`${urlKey} of ${name} was written to ${envFile}.`);
    }
    const [existing] = isResumed ? before : [];
    if (existing) {
      console.log(seen(cutover, existing, "is in"));
      return 0;
    }
    const where = envFile === undefined ? ` (npx app-roles env ${name} --file ${name}.env --stack ${stack})` : "";
    console.log(`${name}: its ${urlKey} is now the one of ${role}${where}. Restart it now.`);
    const known = new Set(before.map(({ id }) => id));
    const began = looks.now();
    for (;;) {
      const now = await looks.take();
      const first = now.sessions.find(({ id }) => !known.has(id));
      if (first) {
        screen.end();
        console.log(seen(cutover, first, "connected to"));
        return 0;
      }
      const left = began + timeout - looks.now();
      if (left <= 0) {
        screen.end();
        console.error(notSeen(cutover, timeout));
        return 1;
      }
      screen.show(now.budget);
      screen.status(
        `${name}: waiting for the first session of ${role} (${inWords(left)} left; Ctrl-C changes nothing)`,
      );
      await pause(Math.min(interval, left), signal);
    }
  } catch (error) {
    screen.end();
    const why = signal.aborted ? " (interrupted)" : `, and IT CAN NO LONGER BE WATCHED (${(error as Error).message})`;
    console.error(`${name}: no session of ${role} was seen${why}. ${next(cutover)}`);
    return 1;
  } finally {
    await server.close();
  }
}

interface Seen {
  sessions: RoleSession[];
  /** Sessions and connection limit of every role. */
  budget: string;
}

function seen(
  { service, configured }: ExternalCutover,
  { address }: RoleSession,
  how: "is in" | "connected to",
): string {
  const { name, role, database } = service;
  const others = configured.services
    .filter((each) => each.role === role && each.name !== name)
    .map((each) => each.name);
  const shared =
    others.length > 0 ? ` ${others.join(", ")} also use this role: check that the session belongs to ${name}.` : "";
  return `${name}: a session of ${role} ${how} ${database}, from ${address ?? "a local socket"}.${shared}`;
}

function notSeen(cutover: ExternalCutover, timeout: number): string {
  const { service } = cutover;
  return (
    `${service.name}: NO SESSION of ${service.role} appeared within ${inWords(timeout)} (--timeout). The service was not restarted, is down, ` +
    `or cannot log in: check its log. ${next(cutover)}`
  );
}

function next({ service: { name }, stack }: ExternalCutover): string {
  return (
    `Nothing was rolled back: both URLs can log in. To continue, restart it with its new URL and run npx app-roles cutover ${name} ` +
    `--stack ${stack}, which waits again. To roll back: npx app-roles rollback ${name} --stack ${stack}`
  );
}
