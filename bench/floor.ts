/**
 * Part of `npm run bench`: a whole `pulumi up` and a `pulumi preview` without changes of the stack, compared with a program of as
 * many resources of the same shape that do nothing. CPU time of the process tree, without the server's; in turn, on one server in
 * one run. The arguments are numbers of roles; the default is 60.
 */
import { startPostgres } from "../sandbox/postgres/server.ts";
import type { PluginKind } from "../sandbox/project/plugins.ts";
import type { Sandbox } from "../sandbox/project/sandbox.ts";
import { machine, median } from "./cpu.ts";
import type { Size } from "./estate.ts";
import { costOfPreview } from "./prod.ts";
import { saveResult } from "./results.ts";
import { costOfUp, createFloor, createRoleStack } from "./role-stacks.ts";
import { inTurn } from "./rounds.ts";

const given = process.argv.slice(2).map(Number);
const server = await startPostgres({ maxConnections: 600 });
const rounds = 3;
console.log(
  `up, and preview with nothing to do (median of ${rounds}); CPU s; PostgreSQL ${server.version}; ${machine()}`,
);
const measured: Measured[] = [];
for (const roles of given.length > 0 ? given : [60]) measured.push(await measure({ roles, schemas: 3, tables: 40 }));
await server.stop();

const sixty = measured.find(({ roles }) => roles === 60);
const most = measured.toSorted((one, other) => other.roles - one.roles)[0];
if (sixty) {
  const { plugins, ups, previews } = sixty;
  saveResult("up", { measured: ratio(ups), values: seconds(ups), rounds: 1, plugins });
  saveResult("role-preview", { measured: ratio(previews), values: seconds(previews), rounds, plugins });
}
if (sixty && most && most !== sixty) {
  for (const [name, whose] of [
    ["growth", "ours"],
    ["floor-growth", "floor"],
  ] as const) {
    const [more, fewer] = [most, sixty].map(({ roles, ups }) => ups[whose] / roles) as [number, number];
    const values = `${(more * 1000).toFixed(0)} ms at ${most.roles} roles / ${(fewer * 1000).toFixed(0)} ms at 60`;
    saveResult(name, { measured: more / fewer, values, rounds: 1, plugins: most.plugins });
  }
}

/** CPU seconds. */
interface Costs {
  ours: number;
  floor: number;
}

interface Measured {
  roles: number;
  plugins: PluginKind;
  ups: Costs;
  previews: Costs;
}

async function measure(size: Size): Promise<Measured> {
  const ours = await createRoleStack(server, `roles${size.roles}`, size);
  try {
    const up = await costOfUp(ours);
    const floor = await createFloor(server, ours);
    try {
      const least = await costOfUp(floor.sandbox);
      const cpuOf = async (sandbox: Sandbox) => (await costOfPreview(sandbox)).cpu;
      const costs = await inTurn(
        { floor: () => cpuOf(floor.sandbox), ours: () => cpuOf(ours) },
        (soFar) => soFar.ours.length === rounds,
      );
      const result: Measured = {
        roles: size.roles,
        plugins: ours.plugins.postgresql ?? "standin",
        ups: { ours: up.cpu, floor: least.cpu },
        previews: { ours: median(costs.ours), floor: median(costs.floor) },
      };
      print(result, floor.resources, `wall ${up.wall.toFixed(1)} / ${least.wall.toFixed(1)} s`);
      return result;
    } finally {
      await floor.remove();
    }
  } finally {
    await ours.remove();
  }
}

function print({ roles, ups, previews }: Measured, resources: number, walls: string): void {
  const line = (what: string, costs: Costs) =>
    `${what} ${seconds(costs)} = ${ratio(costs).toFixed(2)} x, ${((costs.ours / roles) * 1000).toFixed(0)} ms per role`;
  console.log(`${roles} roles, ${resources} resources: ${line("up", ups)} (${walls}); ${line("preview", previews)}`);
}

function ratio({ ours, floor }: Costs): number {
  return ours / floor;
}

function seconds({ ours, floor }: Costs): string {
  return `${ours.toFixed(2)} s / ${floor.toFixed(2)} s`;
}
