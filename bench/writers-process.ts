/** A process of its own for what the plugin's process does, so that its memory is known: see scale.ts. */
import { Server } from "../provider/postgres/connection.ts";
import type { Postgres } from "../sandbox/postgres/server.ts";
import { type Size, timed } from "./estate.ts";
import { Writers, writerTypes } from "./writers.ts";

/** What it is told. */
export interface WritersTask {
  server: Pick<Postgres, "host" | "port" | "user" | "password">;
  databases: string[];
  size: Size;
}

/** What it says: milliseconds of a first up and of a preview after it, and MiB of memory at the most. */
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
