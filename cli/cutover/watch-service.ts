import { loginsOf } from "../../model/login-roles.ts";
import { budgetEntries, type Service } from "../../model/stack.ts";
import { readLiveBudget, table } from "../../provider/budget/live-budget.ts";
import { cutoverGateContract } from "../../provider/cutover/gate/contract.ts";
import {
  type GateTimes,
  IdleEnds,
  inWords,
  type Look,
  noSessions,
  passGate,
  sessionsInWords,
  Unhealthy,
} from "../../provider/cutover/gate/gate.ts";
import { lookAt, readWatchedService } from "../../provider/cutover/gate/resource.ts";
import { Server } from "../../provider/postgres/connection.ts";
import { readIdleTimeout, readRoleSessions } from "../../provider/postgres/sessions.ts";
import type { ConfiguredStack } from "../pulumi/read-stack.ts";
import { exportState, serviceResources } from "../pulumi/state.ts";
import { Screen } from "../terminal/screen.ts";
import { type Patience, PatientLooks } from "./patient-looks.ts";

/** How a watch ended. */
export type Watched =
  /** The full time has passed; the report is printed. */
  | { state: "healthy" }
  /** The service is not healthy; nothing is printed yet. */
  | { state: "trouble"; lines: string[] }
  /** It was interrupted, or the service could no longer be watched; the report is printed. */
  | { state: "unfinished" };

/**
 * Watches a service on its role for `time` milliseconds, as its gate does, and shows the sessions and limit of every role.
 * Time in which the service could not be observed does not count.
 */
export async function watchService(
  name: string,
  stack: string,
  configured: ConfiguredStack,
  time: number,
  signal: AbortSignal,
  patience?: Patience,
): Promise<Watched> {
  const service = configured.services.find((each) => each.name === name) as Service;
  const server = new Server({ ...configured.server.admin, password: configured.adminPassword ?? "" });
  const screen = new Screen();
  const entries = budgetEntries(configured);
  const watchReport = new WatchReport(service, stack, time);
  try {
    const { look, ...times } = await howToLook(service, stack, configured, server);
    const report = { info: console.error, warn: console.error, progress: (line: string) => screen.status(line) };
    const looks = new PatientLooks(
      async () => {
        screen.show(await server.anySession(async (db) => table(entries, await readLiveBudget(db))));
        return watchReport.see(await look());
      },
      signal,
      (error, left) =>
        screen.status(`${name}: cannot be observed (${error.message}); retrying for another ${inWords(left)}`),
      patience,
    );
    watchReport.begin(looks);
    await passGate(name, { ...times, soak: time }, looks.take, { report, signal, now: looks.now });
    screen.end();
    console.log(watchReport.whole());
    return { state: "healthy" };
  } catch (error) {
    screen.end();
    if (error instanceof Unhealthy) {
      return { state: "trouble", lines: [error.failure.reason, ...error.failure.lines.map((line) => `| ${line}`)] };
    }
    console.error(watchReport.part(signal.aborted ? undefined : (error as Error).message));
    return { state: "unfinished" };
  } finally {
    await server.close();
  }
}

/** The report of a watch. */
class WatchReport {
  readonly #service: Service;
  readonly #stack: string;
  readonly #time: number;
  #looks: PatientLooks<Look> | undefined;
  #began = 0;
  /** Looks that saw no session. */
  #empty = 0;

  constructor(service: Service, stack: string, time: number) {
    this.#service = service;
    this.#stack = stack;
    this.#time = time;
  }

  begin(looks: PatientLooks<Look>): void {
    this.#looks = looks;
    this.#began = looks.now();
  }

  see(look: Look): Look {
    if (look.sessions === 0) this.#empty++;
    return look;
  }

  /** After the full time. */
  whole(): string {
    const { name, runtime, role } = this.#service;
    const { unseen = 0, last, count = 0 } = this.#looks ?? {};
    const gap = unseen > 0 ? ` For another ${inWords(unseen)} it could not be observed.` : "";
    const now = last?.seen.sessions ?? 0;
    // The containers and the log of an external service are not known.
    return runtime === "external"
      ? `${name}: watched for ${inWords(this.#time)}, ${sessionsInWords(now)} of ${role} now, none at ${this.#empty} of ${count} looks.${gap}`
      : `${name}: healthy for ${inWords(this.#time)}, ${sessionsInWords(now)} now.${gap}`;
  }

  /** Before the full time. @param why the service can no longer be watched; undefined if the watch was interrupted */
  part(why: string | undefined): string {
    const { name } = this.#service;
    const length = this.#time % 60_000 === 0 ? `${this.#time / 60_000}min` : `${Math.ceil(this.#time / 1000)}s`;
    const end = why === undefined ? "the watch was interrupted" : `it CAN NO LONGER BE WATCHED (${why})`;
    return (
      `${name}: ${end}. ${this.#seen()} Nothing was rolled back. ` +
      `To watch it again: npx app-roles cutover ${name} --watch ${length} --stack ${this.#stack}; ` +
      `to roll it back: npx app-roles rollback ${name} --stack ${this.#stack}`
    );
  }

  #seen(): string {
    const last = this.#looks?.last;
    if (!this.#looks || !last) return "It was never observed.";
    const { sessions, pending } = last.seen;
    const watched = Math.max(0, this.#looks.now() - this.#began);
    const missing = pending.length > 0 ? `; ${pending.join("; ")}` : "";
    return (
      `It was watched for ${inWords(watched)} of ${inWords(this.#time)}, and last observed at ${last.at.toTimeString().slice(0, 8)}: ` +
      `${sessionsInWords(sessions)} of ${this.#service.role}${missing}.`
    );
  }
}

/** Looks as the service's gate does; for an external service, only at the sessions of its role. */
async function howToLook(
  service: Service,
  stack: string,
  { roles }: ConfiguredStack,
  server: Server,
): Promise<{ look: () => Promise<Look> } & Omit<GateTimes, "soak">> {
  const isExternal = service.runtime === "external";
  const resources = isExternal ? [] : (serviceResources(await exportState(stack)).get(service.name) ?? []);
  const gate = resources.find(({ type }) => type === cutoverGateContract.token);
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
  return { look, timeout: service.gate.timeout, isTimeoutFixed: isExternal };
}
