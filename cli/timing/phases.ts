import type { MeasuredTree, ProcessTime } from "./process-times.ts";

/** Seconds of CPU time by phase, in the order of a preview. */
export type Phases = Record<Phase, number>;

const phases = [
  "engine",
  "program start",
  "program work",
  "plugin starts",
  "checks",
  "plugins of others",
  "policies",
  "rest",
] as const;
export type Phase = (typeof phases)[number];

/** What `bin/timing.js` writes: the CPU seconds of a process of ours when it had started. */
export interface Start {
  pid: number;
  seconds: number;
}

/**
 * Splits the times of a preview's processes. `program start` is Node and Pulumi's SDK, `program work` everything from the first line of
 * main.js on; `plugin starts` last until the plugin prints its port, `checks` is the rest of its life.
 */
export function phasesOf({ processes, cpu }: Pick<MeasuredTree, "processes" | "cpu">, starts: Start[]): Phases {
  const startOf = new Map(starts.map(({ pid, seconds }) => [pid, seconds]));
  const times = Object.fromEntries(phases.map((phase) => [phase, 0])) as Phases;
  for (const each of processes) {
    const place = placeOf(each);
    if (place === "program" || place === "plugin") {
      const start = Math.min(startOf.get(each.pid) ?? each.cpu, each.cpu);
      times[place === "program" ? "program start" : "plugin starts"] += start;
      times[place === "program" ? "program work" : "checks"] += each.cpu - start;
    } else times[place] += each.cpu;
  }
  // Short processes such as `npm`, and what the others used after the last look.
  times.rest = Math.max(0, cpu - Object.values(times).reduce((sum, time) => sum + time, 0));
  return times;
}

function placeOf({ command }: ProcessTime): "program" | "plugin" | Exclude<Phase, "rest"> {
  if (/cmd[\\/]run-policy-pack|pulumi-analyzer-/.test(command)) return "policies";
  if (/@pulumi[\\/]pulumi[\\/]cmd[\\/]run[\\/]/.test(command)) return "program";
  if (/pulumi-resource-pgaccess/.test(command)) return "plugin";
  if (/pulumi-resource-/.test(command)) return "plugins of others";
  return "engine";
}
