/**
 * Part of `npm run bench`: the CPU time of a preview of the runbook's stack with nothing to do, of the whole process tree, next to
 * the same preview with the policy pack and to an empty program; in turn, several rounds, medians.
 */
import { measurePreview } from "../cli/timing/timing.ts";
import { createLegacyEstate } from "../sandbox/legacy/index.ts";
import { startPostgres } from "../sandbox/postgres/server.ts";
import { createSandbox, type Sandbox } from "../sandbox/project/sandbox.ts";
import { type Cost, costOf, machine, median } from "./cpu.ts";

const [rounds = 5] = process.argv.slice(2).map(Number);
const postgres = await startPostgres();
await createLegacyEstate(postgres);
const ours = await createSandbox({ postgres });
const program = "export const databaseUrls = {}, connectionBudget = {}, services = {}, roles = {};\n";
const empty = await createSandbox({ postgres, files: { "index.ts": program } });

const preview = ["pulumi", "preview", "--expect-no-changes", "--suppress-outputs", "--non-interactive"];
const cases: [name: string, sandbox: Sandbox, command: string[]][] = [
  ["an empty program", empty, preview],
  ["this stack", ours, preview],
  ["this stack with the policy pack", ours, [...preview, "--policy-pack", "policies"]],
  ["this stack with an empty pack", ours, [...preview, "--policy-pack", "bench/empty-policies"]],
];
for (const sandbox of [empty, ours]) {
  const { code, stdout, stderr } = await sandbox.pulumi(["up", "--yes", "--skip-preview", "--suppress-outputs"]);
  if (code !== 0) throw new Error(`pulumi up ended with ${code}:\n${stdout}${stderr}`);
}

const costs = new Map<string, Cost[]>(cases.map(([name]) => [name, []]));
for (let round = 0; round < rounds; round++) {
  for (const [name, { dir: cwd, env }, command] of cases) {
    costs.get(name)?.push(await costOf(command, { cwd, env: usual(env) }));
  }
}
const { times } = await measurePreview(["--policy-pack", "policies"], { cwd: ours.dir, env: usual(ours.env) });
await Promise.all([ours.remove(), empty.remove()]);
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

/** The cache that the sandbox sets is none that users have. */
function usual({ NODE_COMPILE_CACHE: _, ...env }: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return env;
}

function cpuOf(name: string): number {
  return median((costs.get(name) ?? []).map(({ cpu }) => cpu));
}
