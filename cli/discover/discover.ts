import type { Server } from "../../provider/postgres/connection.ts";
import { during } from "../terminal/progress.ts";
import { discoveredServer } from "./connection.ts";
import { type Discovery, makeDiscovery } from "./discovery.ts";
import { propose } from "./proposal.ts";
import type { Proposal } from "./proposed/config.ts";
import { discoveryReport } from "./report.ts";
import { findTarget } from "./target.ts";
import { declaredRoles, writeStackFile } from "./write-stack-file.ts";

export interface DiscoverOptions {
  url?: string | undefined;
  stack?: string;
  /** Milliseconds. */
  watch: number;
  log?: string[];
  docker?: boolean;
  replay?: boolean;
  write?: string;
  force?: boolean;
  verbose?: boolean;
  quiet?: boolean;
}

/** Resolves with the exit code: 0; 1 incomplete, nothing fits, an existing file was left as it is, or the replay failed. */
export async function discover(options: DiscoverOptions): Promise<number> {
  const target = await findTarget(options.url, options.stack);
  const interrupt = new AbortController();
  const stop = () => interrupt.abort();
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  const server = discoveredServer(target);
  try {
    const run = (progress: (message: string) => void) =>
      makeDiscovery(server, { ...options, dockerHost: target.dockerHost }, interrupt.signal, progress);
    const found = await (options.quiet ? run(() => undefined) : during("connecting", run));
    const proposal = propose(found, options.write === undefined ? new Set() : await declaredRoles(options.write));
    console.log(discoveryReport(found, proposal, options));
    const isDone = found.incomplete === undefined && proposal.plan !== undefined;
    const isWritten = options.write === undefined || (await writeStackFile(options.write, proposal, options.force));
    // From here on Ctrl-C ends the process, and the server rolls back.
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
    const isReplayed = !options.replay || (await replayAndPrint(server, found, proposal, options));
    return isDone && isReplayed && isWritten ? 0 : 1;
  } finally {
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
    await server.close();
  }
}

/** Resolves with whether the roles of the proposal can do all that was tried. */
async function replayAndPrint(
  server: Server,
  found: Discovery,
  proposal: Proposal,
  { quiet }: DiscoverOptions,
): Promise<boolean> {
  const { replayProblem, replayProposal } = await import("./replay/replay-proposal.ts");
  const { isAllowed, replayReport } = await import("./replay/replay-report.ts");
  const problem = replayProblem(found, proposal);
  if (problem !== undefined) {
    console.error(`Not replayed: ${problem}`);
    return false;
  }
  const run = (progress: (message: string) => void) => replayProposal(server, found, proposal, progress);
  const replayed = await (quiet ? run(() => undefined) : during("replaying", run));
  console.log(`\n${replayReport(replayed, { quiet })}`);
  return isAllowed(replayed);
}
