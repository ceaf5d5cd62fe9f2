import { cpus } from "node:os";
import { measureTree } from "../cli/timing/process-times.ts";

/** What one command cost, with every process that it started. */
export interface Cost {
  /** Seconds of user and system time. */
  cpu: number;
  /** Seconds. */
  wall: number;
}

/** Runs a command to its end. Throws when it fails. */
export async function costOf(command: string[], options: { cwd: string; env: NodeJS.ProcessEnv }): Promise<Cost> {
  const { code, output, cpu, wall } = await measureTree(command, options);
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}:\n${output}`);
  return { cpu, wall };
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
