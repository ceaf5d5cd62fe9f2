/**
 * Part of `npm run bench`: the CPU time of a preview of the runbook's stack with nothing to do, of the whole process tree, next to
 * the same preview with the policy pack and to an empty program; in turn, several rounds, medians.
 */
import { measurePreview } from "../cli/timing/timing.ts";
import { startPostgres } from "../sandbox/postgres/server.ts";
import type { Sandbox } from "../sandbox/project/sandbox.ts";
import { type Cost, machine, median } from "./cpu.ts";
import { costOfPreview, createProd, usual } from "./prod.ts";

const [rounds = 5] = process.argv.slice(2).map(Number);
const postgres = await startPostgres();
const { ours, empty, remove } = await createProd(postgres);
const cases: [name: string, sandbox: Sandbox, options: string[]][] = [
  ["an empty program", empty, []],
  ["this stack", ours, []],
  ["this stack with the policy pack", ours, ["--policy-pack", "policies"]],
  ["this stack with an empty pack", ours, ["--policy-pack", "bench/empty-policies"]],
];

const costs = new Map<string, Cost[]>(cases.map(([name]) => [name, []]));
for (let round = 0; round < rounds; round++) {
  for (const [name, sandbox, options] of cases) costs.get(name)?.push(await costOfPreview(sandbox, options));
}
const { times } = await measurePreview(["--policy-pack", "policies"], { cwd: ours.dir, env: usual(ours.env) });
await remove();
await postgres.stop();

console.log(`preview with nothing to do, ${rounds} rounds, medians; PostgreSQL ${postgres.version}; ${machine()}`);
const floor = cpuOf("an empty program");
for (const [name] of cases) {
  const wall = median((costs.get(name) ?? []).map((cost) => cost.wall));
  const ratio = (cpuOf(name) / floor).toFixed(2);
  console.log(`${name.padEnd(34)} CPU ${cpuOf(name).toFixed(2)} s  wall ${wall.toFixed(2)} s  ${ratio} x`);
}
for (const pack of ["the policy pack", "an empty pack"]) {
  console.log(`${pack}: ${(cpuOf(`this stack with ${pack}`) / cpuOf("this stack")).toFixed(2)} x`);
}
console.log(
  `with the policy pack, by phase: ${Object.entries(times)
    .map(([phase, time]) => `${phase} ${time.toFixed(2)} s`)
    .join(", ")}`,
);

function cpuOf(name: string): number {
  return median((costs.get(name) ?? []).map(({ cpu }) => cpu));
}
