import type { Bar } from "./bars.ts";
import { type Goal, type GoalName, goals } from "./goals.ts";
import type { Result, Results } from "./results.ts";

/** docs/benchmarks.md. */
export function page(results: Results, bars: Record<string, Bar>): string {
  return `# Benchmarks

What the stack costs, against a bar for each cost. CPU time is that of all processes of a command, without the server's. A ratio compares two
medians of one run, measured in turn, so that it depends little on the machine.

![Each measured cost as a share of its bar](benchmarks.svg)

${table(
  ["what", "measured", "bar", "values", "plugins", "rounds", "when", "machine"],
  entries().map(([name, goal]) => row(goal, results[name])),
)}

The floor of an up of many roles is a program that registers as many resources of the same shape, whose plugin does nothing: no stack with these
resources costs less. A fifth of the up itself is the official RandomPassword, which also computes a bcrypt hash of each password. Without
Pulumi's own plugins, the sandbox's stand-ins run, which are Node processes and cost more to start.

\`npm run bench\` measures all of this again and writes this page; \`npm run bench:docs\` only writes it, from \`bench/results/\`. \`npm run bench:peers\` compares the plugin
with hand-written SQL and the stack with the official Grant resources.

## What continuous integration compares

\`npm run bench:check\` measures smaller cases and fails if a ratio is more than a quarter above its recorded bar. Each pair of measurements gives
one ratio. Three pairs that agree decide, otherwise up to nine pairs are measured, and three quarters of them decide. If they do not, the machine
was too noisy to judge; that fails too, with this reason. The bars are in \`bench/bars.json\`.

${table(
  ["what", "bar with stand-ins", "bar with Pulumi's plugins"],
  Object.values(bars).map(({ what, standin, official }) => [what, `${standin} x`, `${official} x`]),
)}
`;
}

/** The goals in the order of the page and the plot. */
export function entries(): [GoalName, Goal][] {
  return Object.entries(goals) as [GoalName, Goal][];
}

function row(goal: Goal, result: Result | undefined): string[] {
  const bar = goal.isReference ? "" : `${goal.bar} ${goal.unit}`;
  if (!result) return [goal.what, "not measured", bar, "", "", "", "", ""];
  const { measured, values, rounds, plugins = "none", when, machine } = result;
  return [goal.what, `${measured} ${goal.unit}`, bar, values, plugins, String(rounds), when, machine];
}

function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
