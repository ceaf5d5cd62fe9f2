import { cpus } from "node:os";
import { run } from "../sandbox/process.ts";

/** What one command cost, with every process that it started and waited for. */
export interface Cost {
  /** Seconds of user and system time. */
  cpu: number;
  /** Seconds. */
  wall: number;
}

/** Runs a command to its end in a shell that reports its children's times. Throws when the command fails. */
export async function costOf(command: string[], options: { cwd: string; env: NodeJS.ProcessEnv }): Promise<Cost> {
  const start = performance.now();
  const script = '"$@" >&2 || exit; times';
  const { code, stdout, stderr } = await run("bash", ["-c", script, "bash", ...command], options);
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}:\n${stdout}${stderr}`);
  const children = stdout.trim().split("\n").at(-1) ?? "";
  return {
    cpu: children
      .split(" ")
      .map(seconds)
      .reduce((a, b) => a + b, 0),
    wall: (performance.now() - start) / 1000,
  };
}

/** `0m1.234s`, as bash's `times` prints it. */
function seconds(text: string): number {
  const [, minutes, rest] = /^(\d+)m([\d.]+)s$/.exec(text) ?? [];
  if (minutes === undefined) throw new Error(`not a time of bash's: ${text}`);
  return Number(minutes) * 60 + Number(rest);
}

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** The machine, for the first line of a result. */
export function machine(): string {
  const all = cpus();
  return `${all.length} x ${all[0]?.model ?? "unknown processor"}, Node ${process.versions.node}, ${process.platform}`;
}
