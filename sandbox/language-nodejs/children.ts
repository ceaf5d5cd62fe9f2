import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";

/** The Node processes that the language host has started and that end with it. */
export class Children {
  readonly #running = new Set<ChildProcess>();
  /** Whether the user or the engine has had enough. */
  stopped = false;

  /** Starts Node, the one this process runs on, with these arguments. */
  node(args: string[], options: SpawnOptions): ChildProcess {
    const child = spawn(process.execPath, args, options);
    this.#running.add(child);
    const forget = (): void => {
      this.#running.delete(child);
    };
    child.once("exit", forget);
    child.once("error", forget);
    return child;
  }

  /** Asks every child to end. */
  stop(): void {
    this.stopped = true;
    for (const child of this.#running) child.kill("SIGTERM");
  }
}
