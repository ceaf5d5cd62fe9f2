/**
 * Part of `npm run bench`: the CPU time of a preview of the runbook's stack with nothing to do, of the whole process tree, next to
 * the same preview with the policy pack and to an empty program; in turn, several rounds, medians.
 */
import { measurePreview } from "../cli/timing/timing.ts";
import { startPostgres } from "../sandbox/postgres/server.ts";
import { machine, median } from "./cpu.ts";
import type { GoalName } from "./goals.ts";
import { costOfPreview, createProd, usual } from "./prod.ts";
import { saveResult } from "./results.ts";
import { type Comparison, inTurn, ratiosOf } from "./rounds.ts";

const [rounds = 5] = process.argv.slice(2).map(Number);
const postgres = await startPostgres();
const { ours, empty, remove } = await createProd(postgres);
const walls: number[] = [];
const cpuOf = async (...preview: Parameters<typeof costOfPreview>) => (await costOfPreview(...preview)).cpu;
const costs = await inTurn(
  {
    empty: () => cpuOf(empty),
    ours: async () => {
      const { cpu, wall } = await costOfPreview(ours);
      walls.push(wall);
      return cpu;
    },
    policies: () => cpuOf(ours, ["--policy-pack", "policies"]),
    emptyPolicies: () => cpuOf(ours, ["--policy-pack", "bench/empty-policies"]),
  },
  (soFar) => soFar.empty.length === rounds,
);
const { times } = await measurePreview(["--policy-pack", "policies"], { cwd: ours.dir, env: usual(ours.env) });
await remove();
await postgres.stop();

console.log(`preview with nothing to do, ${rounds} rounds, medians; PostgreSQL ${postgres.version}; ${machine()}`);
print("preview", "this stack, against an empty program", { subject: "ours", reference: "empty" });
print("policies", "with the policy pack, against without", { subject: "policies", reference: "ours" });
print("empty-policies", "with an empty policy pack, against without", { subject: "emptyPolicies", reference: "ours" });
console.log(`wall time of this stack ${median(walls).toFixed(2)} s`);
console.log(
  `with the policy pack, by phase: ${Object.entries(times)
    .map(([phase, time]) => `${phase} ${time.toFixed(2)} s`)
    .join(", ")}`,
);

function print(name: GoalName, what: string, comparison: Comparison<keyof typeof costs>): void {
  const measured = median(ratiosOf(costs, comparison));
  const [subject, reference] = [costs[comparison.subject], costs[comparison.reference]].map((all) =>
    median(all).toFixed(2),
  );
  const values = `${subject} s / ${reference} s`;
  console.log(`${what.padEnd(44)} CPU ${values} = ${measured.toFixed(2)} x`);
  saveResult(name, { measured, values, rounds, plugins: ours.plugins.postgresql ?? "standin" });
}
