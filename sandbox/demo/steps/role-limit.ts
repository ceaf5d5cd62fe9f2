import type { Client } from "pg";
import { type Demo, login, refusal } from "../demo.ts";

export const title = "The limit holds: the 31st connection of tracksolid_owner";

export async function run(demo: Demo): Promise<void> {
  const { terminal, stack } = demo;
  const limit = stack.limit("tracksolid_owner");
  const url = demo.deployedUrl("worker");
  const held = await sessions(demo);
  const opened: Client[] = [];
  try {
    for (let more = held; more < limit; more++) opened.push(await login(url, "demo visitor"));
    terminal.say(
      `The three migrators hold ${held} sessions; ${opened.length} more logins make ${await sessions(demo)}.`,
    );
    const said = await refusal(url);
    const expected = 'FATAL:  too many connections for role "tracksolid_owner" (53300)';
    terminal.quote(said ?? "it got in");
    terminal.claim(said === expected, `number ${limit + 1} is refused`);
    const toAdmin = await refusal(demo.legacyUrl("postgres"));
    terminal.claim(toAdmin === undefined, "an admin still gets in", toAdmin);
    const toOrdinary = await refusal(demo.url("dashboard_ro", "dashboard_ro", "tracksolid_db"));
    terminal.claim(toOrdinary === undefined, "and so does an ordinary login (dashboard_ro)", toOrdinary);
  } finally {
    await Promise.all(opened.map((client) => client.end()));
  }
}

async function sessions(demo: Demo): Promise<number> {
  const rows = await demo.ask<{ count: number }>(
    "SELECT count(*)::int FROM pg_stat_activity WHERE usename = 'tracksolid_owner'",
  );
  return rows[0]?.count ?? 0;
}
