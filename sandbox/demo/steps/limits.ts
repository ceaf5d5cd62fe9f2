import type { Client } from "pg";
import { type Demo, login, refusal, type Step } from "../demo.ts";

export const roleLimit: Step<Demo> = {
  title: "Postgres enforces the connection limit of tracksolid_owner",
  async run(demo) {
    const { terminal, stack } = demo;
    const limit = stack.limit("tracksolid_owner");
    const url = demo.deployedUrl("worker");
    const held = await sessions(demo);
    const opened: Client[] = [];
    try {
      for (let more = held; more < limit; more++) opened.push(await login(url, "demo visitor"));
      terminal.say(
        `The three services hold ${held} sessions. The demo opens ${opened.length} more, which makes ${await sessions(demo)}.`,
      );
      const said = await refusal(url);
      const expected = 'FATAL:  too many connections for role "tracksolid_owner" (53300)';
      terminal.quote(said ?? "login succeeded");
      terminal.claim(said === expected, `Postgres refuses session ${limit + 1}`);
      const toAdmin = await refusal(demo.legacyUrl("postgres"));
      terminal.claim(toAdmin === undefined, "the superuser can still log in", toAdmin);
      const toReader = await refusal(demo.url("dashboard_ro", "dashboard_ro", "tracksolid_db"));
      terminal.claim(toReader === undefined, "a non-superuser login (dashboard_ro) can still log in", toReader);
    } finally {
      await Promise.all(opened.map((client) => client.end()));
    }
  },
};

async function sessions(demo: Demo): Promise<number> {
  const rows = await demo.ask<{ count: number }>(
    "SELECT count(*)::int FROM pg_stat_activity WHERE usename = 'tracksolid_owner'",
  );
  return rows[0]?.count ?? 0;
}

export const refusedBudget: Step<Demo> = {
  title: "Raise a limit by ten: the policy pack refuses 96 of 95 connections",
  async run(demo) {
    const { terminal, stack } = demo;
    const before = await limits(demo);
    const limit = stack.limit("tracksolid_owner");
    await stack.set({ "roles.tracksolid_owner.connectionLimit": String(limit + 10) });
    const { code, output } = await stack.pulumi(
      ["up", "--yes", "--skip-preview", "--policy-pack", "policies"],
      ["Policies"],
    );
    terminal.claim(code !== 0, `the up fails with exit code ${code}`, code);
    terminal.claim(
      /\[mandatory\]/.test(output) && /\b96\b/.test(output) && /\b95\b/.test(output),
      "the mandatory budget policy refused it, and shows its calculation",
    );
    const after = await limits(demo);
    terminal.claim(after === before, "no connection limit on the server changed", after);
    await stack.set({ "roles.tracksolid_owner.connectionLimit": String(limit) });
  },
};

async function limits(demo: Demo): Promise<string> {
  const rows = await demo.ask<{ limits: string }>(
    "SELECT string_agg(rolname || ' ' || rolconnlimit, ', ' ORDER BY rolname) AS limits FROM pg_roles WHERE rolcanlogin",
  );
  return rows[0]?.limits ?? "";
}
