/** Inserts as fast as it can, in a process of its own, so that other work in this process delays nothing: see stall.ts. */
import pg from "pg";
import { timed } from "./estate.ts";

/** Its input. */
export interface InsertTask {
  url: string;
  statement: string;
}

process.once("message", async ({ url, statement }: InsertTask) => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  let running = true;
  let longest = 0;
  process.once("message", () => {
    running = false;
  });
  process.send?.("started");
  while (running) longest = Math.max(longest, await timed(() => client.query(statement)));
  await client.end();
  // Its output: the longest INSERT in milliseconds.
  process.send?.(longest, () => process.disconnect());
});
