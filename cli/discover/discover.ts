import { during } from "../terminal/progress.ts";
import { discoveredServer } from "./connection.ts";
import { makeDiscovery } from "./discovery.ts";
import { propose } from "./proposal.ts";
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
  write?: string;
  force?: boolean;
  verbose?: boolean;
  quiet?: boolean;
}

/** Resolves with the exit code: 0; 1 incomplete, nothing fits, or an existing file was left as it is. */
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
    return isDone && isWritten ? 0 : 1;
  } finally {
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
    await server.close();
  }
}
