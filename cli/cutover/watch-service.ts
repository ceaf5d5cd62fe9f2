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
  /** After its whole time; it has said what was seen. */
  | { state: "well" }
  /** The service is not well; nothing was said yet. */
  | { state: "trouble"; lines: string[] }
  /** Before its time: it was interrupted, or the service could be watched no longer. It has said so. */
  | { state: "unfinished" };

/**
 * Watches a service on its role for `time` milliseconds, as its gate does, and shows every role's sessions beside its limit.
 * What it says is what was seen; time in which nothing could be seen does not count.
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
  const told = new WatchReport(service, stack, time);
  try {
    const { look, ...times } = await howToLook(service, stack, configured, server);
    const report = { info: console.error, warn: console.error, progress: (line: string) => screen.status(line) };
    const looks = new PatientLooks(
      async () => {
        screen.show(await server.anySession(async (db) => table(entries, await readLiveBudget(db))));
        return told.see(await look());
      },
      signal,
      (error, left) => screen.status(`${name}: cannot be seen (${error.message}); tried for another ${inWords(left)}`),
      patience,
    );
    told.begin(looks);
    await passGate(name, { ...times, soak: time }, looks.take, { report, signal, now: looks.now });
    screen.end();
    console.log(told.whole());
    return { state: "well" };
  } catch (error) {
    screen.end();
    if (error instanceof Unhealthy) {
      return { state: "trouble", lines: [error.failure.reason, ...error.failure.lines.map((line) => `| ${line}`)] };
    }
    console.error(told.part(signal.aborted ? undefined : (error as Error).message));
    return { state: "unfinished" };
  } finally {
    await server.close();
  }
}

/** What was seen of a service, in words. */
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

  /** After the whole time. */
  whole(): string {
    const { name, runtime, role } = this.#service;
    const { unseen = 0, last, count = 0 } = this.#looks ?? {};
    const gap = unseen > 0 ? ` For ${inWords(unseen)} more it could not be seen.` : "";
    const now = last?.seen.sessions ?? 0;
    // Of one that somebody else restarts neither a container nor a log is known.
    return runtime === "external"
      ? `${name}: watched for ${inWords(this.#time)}, ${sessionsInWords(now)} of ${role} now, none at ${this.#empty} of ${count} looks.${gap}`
      : `${name}: well for ${inWords(this.#time)}, ${now} now.${gap}`;
  }

  /** Before its time. @param why it can be watched no longer; undefined: it was interrupted */
  part(why: string | undefined): string {
    const { name } = this.#service;
    const length = this.#time % 60_000 === 0 ? `${this.#time / 60_000}min` : `${Math.ceil(this.#time / 1000)}s`;
    const end = why === undefined ? "the watch was interrupted" : `it CAN BE WATCHED NO LONGER (${why})`;
    return (
      `${name}: ${end}. ${this.#seen()} Nothing was rolled back. ` +
      `To watch it again: npx app-roles cutover ${name} --watch ${length} --stack ${this.#stack}; ` +
      `to roll it back: npx app-roles rollback ${name} --stack ${this.#stack}`
    );
  }

  #seen(): string {
    const last = this.#looks?.last;
    if (!this.#looks || !last) return "It was not seen once.";
    const { sessions, pending } = last.seen;
    const watched = Math.max(0, this.#looks.now() - this.#began);
    const missing = pending.length > 0 ? `; ${pending.join("; ")}` : "";
    return (
      `It was watched for ${inWords(watched)} of ${inWords(this.#time)}, and seen last at ${last.at.toTimeString().slice(0, 8)}: ` +
      `${sessionsInWords(sessions)} of ${this.#service.role}${missing}.`
    );
  }
}

/** As its gate does, or, of one that somebody else restarts, its role's sessions alone. */
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
