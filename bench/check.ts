/**
 * `npm run bench:check`, for CI: measures small benches, and fails if a ratio is more than a quarter above the one that bars.json
 * records for these plugins. A ratio that the machine was too noisy to judge (judge.ts) fails too and is reported as such, so that no
 * regression is overlooked. Needs Linux, whose /proc has the times of processes. The last line is for example `4 passed, 0 failed`.
 */
import { startPostgres } from "../sandbox/postgres/server.ts";
import type { Sandbox } from "../sandbox/project/sandbox.ts";
import { type Bar, bars } from "./bars.ts";
import { machine, median } from "./cpu.ts";
import { judge, limitOf, type Verdict } from "./judge.ts";
import { memoryOfEmptyPlugin, memoryOfUp } from "./plugin-memory.ts";
import { costOfPreview, createProd } from "./prod.ts";
import { costOfUp, createFloor, createRoleStack, type Floor } from "./role-stacks.ts";
import { type Comparison, inTurn, type Measure, ratiosOf } from "./rounds.ts";

const verdicts: Verdict[] = [];
const server = await startPostgres({ maxConnections: 300 });
const prod = await createProd(server);
const plugins = prod.ours.plugins.postgresql ?? "standin";
console.log(`ratios of this run and their bars with ${plugins} plugins; PostgreSQL ${server.version}; ${machine()}`);

const cpuOf = async (sandbox: Sandbox, options?: string[]) => (await costOfPreview(sandbox, options)).cpu;
await check(
  {
    empty: () => cpuOf(prod.empty),
    ours: () => cpuOf(prod.ours),
    policies: () => cpuOf(prod.ours, ["--policy-pack", "policies"]),
  },
  { preview: { subject: "ours", reference: "empty" }, policies: { subject: "policies", reference: "ours" } },
);
await prod.remove();

const size = { roles: 12, schemas: 3, tables: 10 };
const floors: Floor[] = [];
await check(
  {
    ours: async () => {
      const ours = await createRoleStack(server, `up${floors.length}`, size);
      const { cpu } = await costOfUp(ours);
      floors.push(await createFloor(server, ours));
      await ours.remove();
      return cpu;
    },
    floor: async () => (await costOfUp((floors.at(-1) as Floor).sandbox)).cpu,
  },
  { up: { subject: "ours", reference: "floor" } },
);
for (const floor of floors) await floor.remove();

let databases = 0;
await check(
  {
    empty: () => memoryOfEmptyPlugin(server),
    up: () => memoryOfUp(server, `tables${databases++}`, { schemas: 1, tables: 1000 }),
  },
  { memory: { subject: "up", reference: "empty" } },
);
await server.stop();

const passed = verdicts.filter((verdict) => verdict === "passed").length;
console.log(`\n${passed} passed, ${verdicts.length - passed} failed`);
process.exitCode = passed === verdicts.length ? 0 : 1;

/** Measures until every comparison has a verdict. The names of the comparisons are those of the bars. */
async function check<Name extends string>(
  cases: Record<Name, Measure>,
  comparisons: Record<string, Comparison<NoInfer<Name>>>,
): Promise<void> {
  const judged = (costs: Record<Name, number[]>) =>
    Object.entries(comparisons).map(([name, comparison]) => {
      const { what, [plugins]: bar } = bars[name] as Bar;
      const ratios = ratiosOf(costs, comparison);
      return { what, bar, ratios, verdict: judge(ratios, bar) };
    });
  const costs = await inTurn(cases, (soFar) => judged(soFar).every(({ verdict }) => verdict !== undefined));
  for (const { what, bar, ratios, verdict = "noisy" } of judged(costs)) {
    verdicts.push(verdict);
    const [low, high] = [Math.min(...ratios), Math.max(...ratios)].map((ratio) => ratio.toFixed(2));
    const numbers = `${median(ratios).toFixed(2)} x (${ratios.length} pairs, ${low} to ${high}), bar ${bar} x`;
    console.log(`${verdict === "passed" ? "✓" : "✗"} ${what}: ${numbers}${reasonOf(verdict, bar)}`);
  }
}

function reasonOf(verdict: Verdict, bar: number): string {
  const limit = `${limitOf(bar).toFixed(2)} x`;
  if (verdict === "passed") return "";
  if (verdict === "failed")
    return `\n  above the limit of ${limit}: make it cheaper, or record a new bar in bench/bars.json and say why`;
  return `\n  this machine was too noisy to judge: pairs on both sides of ${limit}; run it again on a quieter one`;
}
