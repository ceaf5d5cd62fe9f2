import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** One process of a command's tree. */
export interface ProcessTime {
  pid: number;
  /** Its command line; arguments are separated by spaces. */
  command: string;
  /** Seconds of user and system time. */
  cpu: number;
}

export interface MeasuredTree {
  processes: ProcessTime[];
  /** Seconds of the whole tree, including processes that ended between two looks, and those that nobody waited for. */
  cpu: number;
  /** Seconds. */
  wall: number;
  code: number;
  /** Standard output and standard error. */
  output: string;
}

/** Ticks per second in /proc: USER_HZ, which is 100 on every Linux that Node runs on (man 5 proc). */
const ticks = 100;
/** Milliseconds between two looks. */
const interval = 10;

/** Runs a command to its end and measures its processes. Throws where /proc does not exist, and if the command cannot be started. */
export async function measureTree(
  command: string[],
  options: { env: NodeJS.ProcessEnv; cwd?: string },
): Promise<MeasuredTree> {
  const before = await waitedFor();
  const start = performance.now();
  const [file = "", ...args] = command;
  const child = spawn(file, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  const closed = once(child, "close") as Promise<[number | null]>;
  const ended = new AbortController();
  closed.then(
    () => ended.abort(),
    () => ended.abort(),
  );
  const processes = await watch(child, ended.signal);
  const [code] = await closed;
  const wall = (performance.now() - start) / 1000;
  // The engine ends the policy pack without waiting for it, so that no parent has its times.
  const cpu = Math.max(
    (await waitedFor()) - before,
    processes.reduce((sum, each) => sum + each.cpu, 0),
  );
  return { processes, cpu, wall, code: code ?? 1, output };
}

async function watch({ pid: root }: ChildProcess, ended: AbortSignal): Promise<ProcessTime[]> {
  const tree = new Map<number, ProcessTime>();
  while (!ended.aborted) {
    const pids = (await readdir("/proc")).map(Number).filter((pid) => pid > 0);
    // Parents have lower numbers than their children, except after the numbers wrapped; the next look finds those.
    for (const pid of pids.toSorted((a, b) => a - b)) {
      const stat = await statOf(pid);
      if (!stat || (pid !== root && !tree.has(stat.parent))) continue;
      const command = (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).replaceAll("\0", " ").trim();
      // A process that is ending has no command line any more.
      tree.set(pid, { pid, cpu: stat.cpu, command: command || tree.get(pid)?.command || "" });
    }
    await sleep(interval);
  }
  return [...tree.values()];
}

/** Undefined: the process has ended. */
async function statOf(pid: number): Promise<{ parent: number; cpu: number } | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const fields = fieldsOf(text);
  return { parent: Number(fields[1]), cpu: (Number(fields[11]) + Number(fields[12])) / ticks };
}

/** Seconds of all descendants that have ended and were waited for. */
async function waitedFor(): Promise<number> {
  const fields = fieldsOf(await readFile("/proc/self/stat", "utf8"));
  return (Number(fields[13]) + Number(fields[14])) / ticks;
}

/** The fields after the name of the program, which is in parentheses and can contain spaces. */
function fieldsOf(stat: string): string[] {
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}
