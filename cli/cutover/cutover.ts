import { StackFileCopy, setConnectAs, stackFile } from "../../config/stack-file.ts";
import { cutoverProblem } from "../../model/cutover.ts";
import type { Service } from "../../model/stack.ts";
import type { Format } from "../env/format.ts";
import { EventLog } from "../pulumi/event-log.ts";
import { selectedStack, showPulumi } from "../pulumi/pulumi.ts";
import { type ConfiguredStack, readStack } from "../pulumi/read-stack.ts";
import { connectAsInForce, exportState } from "../pulumi/state.ts";
import { findRollback } from "../rollback/find-source.ts";
import { afterRestart, notRolledBack, rollBack } from "../rollback/rollback.ts";
import { othersRolledBack, rolledBackOthers } from "../rollback/update-state.ts";
import { UsageError } from "../terminal/command.ts";
import { cutoverExternal, refuseHandout } from "./external-cutover.ts";
import { Supervision } from "./supervision.ts";
import { watchService } from "./watch-service.ts";

export interface CutoverOptions {
  /** Milliseconds. */
  watch?: number;
  file?: string;
  format?: Format;
  /** Milliseconds. */
  timeout?: number;
  /** Folders. */
  policyPack?: string[];
  stack?: string;
}

export async function cutover(name: string, options: CutoverOptions): Promise<number> {
  const { stack: given, watch, policyPack = [], file: envFile, format, timeout } = options;
  if (format !== undefined && envFile === undefined) throw new UsageError("--format requires --file");
  const handout = { envFile, format: format ?? "dotenv", timeout } as const;
  const stack = given ?? (await selectedStack());
  const configured = await readStack(stack);
  const { service, mayBeOnRole, isDone } = await refuseUnready(name, stack, configured, watch !== undefined);
  await refuseHandout(service, handout);
  const interruption = new Interruption();
  const supervision = await Supervision.create(name, service.runtime, interruption.signal);
  try {
    const failed = isDone ? undefined : await up(service, stack, policyPack, interruption, supervision);
    if (failed) {
      interruption.reset();
      return await afterFailure(service, stack, { ...failed, isTouched: failed.isTouched || mayBeOnRole });
    }
    if (!isDone && !(await noted(name, stack))) return 1;
    if (service.runtime === "external") {
      const external = { service, stack, configured, ...handout, isResumed: isDone };
      return await cutoverExternal(external, watch, interruption.signal);
    }
    if (!isDone) console.log(`${name} is on its role.`);
    if (watch === undefined) return 0;
    const watched = await watchService(name, stack, configured, watch, interruption.signal);
    if (watched.state !== "trouble") return watched.state === "healthy" ? 0 : 1;
    interruption.reset();
    return await afterFailure(service, stack, {
      lines: watched.lines,
      isTouched: true,
      back: await supervision.rollBack(),
    });
  } finally {
    await supervision.remove();
    interruption.end();
  }
}

/** A failed cutover. */
interface Failed {
  lines: string[];
  /** Whether the service may run with another URL than before. */
  isTouched: boolean;
  /** What was seen of the service after its rollback; an error if the rollback failed; undefined if none was tried. */
  back: string | Error | undefined;
}

/** The stack's file is changed last: whatever ends the cutover before, the next up follows the unchanged file. */
async function noted(name: string, stack: string): Promise<boolean> {
  try {
    await setConnectAs(stack, name, "role");
    return true;
  } catch (error) {
    console.error(
      `${name} is on its role, but ${stackFile(stack)} WAS NOT CHANGED (${(error as Error).message}): set connectAs: role for it there, or the next pulumi up rolls it back.`,
    );
    return false;
  }
}

/** Throws before anything is changed if the service cannot be cut over. */
async function refuseUnready(
  name: string,
  stack: string,
  configured: ConfiguredStack,
  isWatched: boolean,
): Promise<{ service: Service; mayBeOnRole: boolean; isDone: boolean }> {
  const { services, databases } = configured;
  const declared = services.find((each) => each.name === name);
  if (!declared) {
    throw new Error(
      `the stack declares no service ${name}; it declares ${services.map((each) => each.name).join(", ")}`,
    );
  }
  const problem = cutoverProblem({ ...declared, connectAs: "role" }, databases[declared.database]);
  if (problem) throw new Error(`app-roles:services.${name}.${problem.key}: ${problem.message}. Nothing was changed.`);
  const inForce = await connectAsInForce(stack);
  if (declared.connectAs === "role" && inForce.get(name) === "role") {
    // Only its restart, or the watch, is left; no up is run.
    if (declared.runtime !== "external" && !isWatched) throw new Error(`${name} is already on its role`);
    return { service: declared, mayBeOnRole: true, isDone: true };
  }
  refuseOthers(services, inForce, name, stack);
  const state = await exportState(stack, "plaintext");
  const back = await rolledBackOthers(state, name);
  if (back.length > 0) throw new Error(`${othersRolledBack(back, stack)}. Nothing was changed.`);
  // A killed cutover may have restarted it.
  return { service: declared, mayBeOnRole: findRollback(state, name).by !== "nothing", isDone: false };
}

/** Refuses an up that would also cut over or roll back other services. */
function refuseOthers(services: Service[], inForce: Map<string, string>, name: string, stack: string): void {
  const unmade = services.filter((each) => !inForce.has(each.name));
  if (unmade.length > 0) {
    throw new Error(
      `no up has completed yet for ${unmade.map((each) => each.name).join(", ")}: run pulumi up first. Nothing was changed.`,
    );
  }
  const switched = services.filter((each) => each.name !== name && each.connectAs !== inForce.get(each.name));
  if (switched.length === 0) return;
  const list = switched.map((each) => `${each.name} (${inForce.get(each.name)} -> ${each.connectAs})`).join(", ");
  throw new Error(
    `Pulumi.${stack}.yaml changes connectAs of other services that no up has applied yet: ${list}. ` +
      "Run pulumi up for them, or revert them; one service is cut over at a time. Nothing was changed.",
  );
}

/** Undefined if the up succeeded; otherwise why it failed, and what is known of the service. */
async function up(
  { name }: Service,
  stack: string,
  policyPacks: string[],
  interruption: Interruption,
  supervision: Supervision,
): Promise<Failed | undefined> {
  const [log, file] = [await EventLog.create(), await StackFileCopy.create(stack, name, "role")];
  const watched = log.follow((events) => supervision.see(events));
  try {
    const args = ["up", "--yes", "--skip-preview", "--stack", stack, ...log.args, ...file.args];
    const packs = policyPacks.flatMap((folder) => ["--policy-pack", folder]);
    const code = await showPulumi([...args, ...packs], { ...log.env, ...supervision.env });
    await watched();
    if (code === 0 && !interruption.signal.aborted && !supervision.isRefused) return undefined;
    const lines = interruption.signal.aborted ? ["it was interrupted"] : await log.errors();
    return { lines, isTouched: supervision.isTouched, back: await supervision.end() };
  } finally {
    await watched();
    await Promise.all([log.remove(), file.remove()]);
  }
}

/** Rolls the service back, prints why, and returns the exit code. */
async function afterFailure({ name, runtime }: Service, stack: string, failed: Failed): Promise<number> {
  const why =
    failed.lines.length > 0
      ? `:\n${failed.lines.map((line) => line.replace(/^/gm, "  ")).join("\n")}`
      : "; see the output of the up.";
  if (!failed.isTouched) {
    console.error(
      `\n${name} was not touched and runs with its legacy URL; ${stackFile(stack)} was not changed. Its cutover failed${why}`,
    );
    return 1;
  }
  console.error(`\nRolling ${name} back to its legacy URL: its cutover failed${why}\n`);
  if (runtime !== "external" && failed.back === undefined) {
    const code = await rollBack(name, stack).catch((error: Error) =>
      console.error(notRolledBack(name, stack, error.message)),
    );
    if (code === 0)
      console.error(`${name} was rolled back to its legacy URL; nothing in the database was undone. Reason${why}`);
    else console.error(`\nReason for the rollback${why}`);
    return 1;
  }
  if (failed.back instanceof Error) {
    console.error(`${notRolledBack(name, stack, failed.back.message)}\nReason for the rollback${why}`);
    return 1;
  }
  if (failed.back) console.log(`${name} runs with its legacy URL again: ${failed.back}.`);
  await afterRestart(name, stack, failed.back ? "restarted" : "not needed");
  console.error(`${name} was rolled back to its legacy URL; nothing in the database was undone. Reason${why}`);
  return 1;
}

/** Ctrl-C or the end of the terminal session: the up shuts down in order, and the service is rolled back. */
class Interruption {
  #controller = new AbortController();
  readonly #interrupt = () => this.#controller.abort();

  constructor() {
    for (const signal of signals) process.on(signal, this.#interrupt);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The next step can be interrupted again. */
  reset(): void {
    this.#controller = new AbortController();
  }

  end(): void {
    for (const signal of signals) process.off(signal, this.#interrupt);
  }
}

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
