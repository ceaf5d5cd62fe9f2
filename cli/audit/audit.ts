import { stripVTControlCharacters } from "node:util";
import { writeFileAtomically } from "../../provider/write-file.ts";
import { ReadOnlyServer } from "../postgres/read-only-server.ts";
import { UsageError } from "../terminal/command.ts";
import { during } from "../terminal/progress.ts";
import { Screen } from "../terminal/screen.ts";
import { auditDocument, outcomeOf, outcomes } from "./document.ts";
import { type Audit, type ExaminationOptions, examine } from "./examination.ts";
import { liveView } from "./live-view.ts";
import { auditMetrics, failureMetrics } from "./metrics.ts";
import { Observations } from "./observation.ts";
import { findSubject, type Subject } from "./subject.ts";
import { auditText, type TextOptions } from "./text.ts";
import { watch } from "./watch.ts";

export interface AuditOptions extends ExaminationOptions, TextOptions {
  url?: string | undefined;
  stack?: string;
  json?: boolean;
  metrics?: boolean;
  /** Milliseconds; true: until Ctrl-C. */
  watch?: number | true;
  /** File for the document or the metrics. */
  out?: string;
}

/** Resolves with the exit code: 0 no findings, 1 findings, 2 something could not be checked. */
export async function audit(options: AuditOptions): Promise<number> {
  refuseUnfit(options);
  let made: Audit;
  let stack = options.stack ?? null;
  try {
    const subject = await findSubject(options.url, options.stack);
    stack = subject.declared?.name ?? null;
    // Standard output is for the result: the watch is shown there only to a person.
    const isShown = process.stdout.isTTY && !(options.json || options.metrics || options.quiet);
    made = await auditSubject(subject, options, isShown);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    await reportFailure(error, stack, options);
    return outcomes.error;
  }
  await print(textOf(made, options), options);
  return outcomes[outcomeOf(made)];
}

function refuseUnfit({ json, metrics, out }: AuditOptions): void {
  if (json && metrics) throw new UsageError("--json and --metrics exclude each other");
  if (out !== undefined && !json && !metrics) throw new UsageError("--out requires --json or --metrics");
}

/**
 * Observes the sessions, then makes every check. Ctrl-C ends the watch, and the checks follow.
 *
 * @param isShown whether the watch is shown on standard output
 */
export async function auditSubject(
  subject: Subject,
  options: Pick<AuditOptions, "watch" | "quiet"> & ExaminationOptions,
  isShown: boolean,
): Promise<Audit> {
  const server = new ReadOnlyServer(subject);
  const observations = new Observations();
  const interrupt = new AbortController();
  const stop = () => interrupt.abort();
  process.once("SIGINT", stop);
  try {
    await watchSessions(server, subject, observations, { ...options, isShown }, interrupt.signal);
    process.off("SIGINT", stop);
    const examined = (progress: (message: string) => void) => examine(server, subject, observations, options, progress);
    return await (options.quiet ? examined(() => undefined) : during("checking", examined));
  } finally {
    process.off("SIGINT", stop);
    await server.close();
  }
}

async function watchSessions(
  server: ReadOnlyServer,
  subject: Subject,
  observations: Observations,
  { watch: given, quiet, isShown }: Pick<AuditOptions, "watch" | "quiet"> & { isShown: boolean },
  signal: AbortSignal,
): Promise<void> {
  const time = given === true ? Number.POSITIVE_INFINITY : (given ?? 0);
  if (time === 0) return watch(server, observations, { time, signal });
  const end = (left: number) => (Number.isFinite(left) ? `${Math.max(0, Math.ceil(left / 1000))}s left; ` : "");
  if (isShown) {
    const screen = new Screen();
    await watch(server, observations, {
      time,
      signal,
      seen: (_, left) => {
        screen.show(liveView(subject, observations));
        screen.status(`${observations.basis}; ${end(left)}Ctrl-C ends the watch`);
      },
      missed: (error) => screen.status(`no answer: ${error.message}`),
    });
    screen.end();
    return;
  }
  const silent = { time, signal };
  if (quiet) return watch(server, observations, silent);
  await during("watching the sessions", (progress) =>
    watch(server, observations, {
      ...silent,
      seen: (_, left) => progress(`watching the sessions: ${observations.basis}; ${end(left)}Ctrl-C ends the watch`),
    }),
  );
}

function textOf(made: Audit, { json, metrics, ...options }: AuditOptions): string {
  if (json) return JSON.stringify(auditDocument(made), null, 2);
  if (metrics) return auditMetrics(auditDocument(made)).trimEnd();
  return auditText(made, options);
}

/** The previous results must not stay in force: documents and metrics say that the audit failed. */
async function reportFailure(error: unknown, stack: string | null, options: AuditOptions): Promise<void> {
  const message = stripVTControlCharacters(error instanceof Error ? error.message : String(error));
  console.error(`app-roles audit: could not check: ${message}`);
  const at = new Date();
  if (options.json) {
    const failure = { schemaVersion: 1, outcome: "error", at: at.toISOString(), stack, error: message };
    await print(JSON.stringify(failure, null, 2), options);
  }
  if (options.metrics) await print(failureMetrics(at, stack).trimEnd(), options);
}

async function print(text: string, { out }: Pick<AuditOptions, "out">): Promise<void> {
  if (out === undefined) {
    console.log(text);
    return;
  }
  // node_exporter runs as another user; the text holds no secret.
  await writeFileAtomically(out, `${text}\n`, { encoding: "utf8", mode: 0o644 }).catch((error: Error) => {
    throw new Error(`cannot write ${out}: ${error.message}`);
  });
}
