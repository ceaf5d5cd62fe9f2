/** Does the work of the plugin's process in a separate process, to measure its memory: see scale.ts. */
import { Server } from "../provider/postgres/connection.ts";
import type { Postgres } from "../sandbox/postgres/server.ts";
import { type Size, timed } from "./estate.ts";
import { Writers, writerTypes } from "./writers.ts";

/** Its input. */
export interface WritersTask {
  server: Pick<Postgres, "host" | "port" | "user" | "password">;
  databases: string[];
  size: Size;
}

/** Its output: milliseconds of a first up and of a preview after it, and peak memory in MiB. */
export interface WritersResult {
  first: number;
  nothing: number;
  memory: number;
}

process.once("message", async ({ server, databases, size }: WritersTask) => {
  const admin = new Server({ ...server, database: "postgres", sslmode: "disable" });
  const types = writerTypes(admin);
  const writers = databases.map((name) => new Writers(types, name, size));
  const result = { first: 0, nothing: 0, memory: 0 };
  for (const each of writers) result.first += await timed(() => each.apply());
  for (const each of writers) result.nothing += await timed(() => each.plan());
  await admin.close();
  result.memory = process.resourceUsage().maxRSS / 1024;
  process.send?.(result, () => process.disconnect());
});
