/**
 * Part of `npm run bench`: a whole `pulumi up` and a `pulumi preview` without changes of the stack, compared with a program of as
 * many resources of the same shape that do nothing. CPU time of the process tree, without the server's; in turn, on one server in
 * one run. The arguments are numbers of roles.
 */
import { startPostgres } from "../sandbox/postgres/server.ts";
import { type Cost, machine, median } from "./cpu.ts";
import type { Size } from "./estate.ts";
import { costOfPreview } from "./prod.ts";
import { costOfUp, createFloor, createRoleStack } from "./role-stacks.ts";

const counts = process.argv.slice(2).map(Number);
const server = await startPostgres({ maxConnections: 600 });
const rounds = 3;
console.log(
  `up, and preview with nothing to do (median of ${rounds}); CPU s; PostgreSQL ${server.version}; ${machine()}`,
);
for (const roles of counts.length > 0 ? counts : [60]) await compare({ roles, schemas: 3, tables: 40 });
await server.stop();

/** What one program cost. */
interface Measured {
  up: Cost;
  previews: Cost[];
}

async function compare(size: Size): Promise<void> {
  const ours = await createRoleStack(server, `roles${size.roles}`, size);
  try {
    const measured: Measured = { up: await costOfUp(ours), previews: [] };
    const floor = await createFloor(server, ours);
    try {
      const least: Measured = { up: await costOfUp(floor.sandbox), previews: [] };
      for (let round = 0; round < rounds; round++) {
        least.previews.push(await costOfPreview(floor.sandbox));
        measured.previews.push(await costOfPreview(ours));
      }
      print(size, floor.resources, measured, least);
    } finally {
      await floor.remove();
    }
  } finally {
    await ours.remove();
  }
}

function print({ roles }: Size, resources: number, ours: Measured, floor: Measured): void {
  const cpuOf = (costs: Cost[]) => median(costs.map(({ cpu }) => cpu));
  const line = (what: string, [mine, least]: [number, number]) =>
    `${what} ${mine.toFixed(2)} / ${least.toFixed(2)} = ${(mine / least).toFixed(2)} x, ${((mine / roles) * 1000).toFixed(0)} ms per role`;
  const up = line("up", [ours.up.cpu, floor.up.cpu]);
  const preview = line("preview", [cpuOf(ours.previews), cpuOf(floor.previews)]);
  const walls = `wall ${ours.up.wall.toFixed(1)} / ${floor.up.wall.toFixed(1)} s`;
  console.log(`${roles} roles, ${resources} resources: ${up} (${walls}); ${preview}`);
}
