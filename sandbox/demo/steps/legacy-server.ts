import type { Client } from "pg";
import { definitions, type ServiceName } from "../../legacy/services/definitions.ts";
import { startService } from "../../legacy/services/service.ts";
import { type Demo, login, refusal, type Step, until } from "../demo.ts";

export const legacyServices: Step<Demo> = {
  title: "The runbook's server: all six services log in as the superuser",
  async run(demo) {
    const { terminal, services } = demo;
    terminal.say(
      "This is a real Postgres with max_connections = 100 and the runbook's two databases. Six services start. Each logs in as the superuser and keeps a pool of mostly idle sessions:",
    );
    const names = Object.keys(definitions) as ServiceName[];
    for (const name of names) {
      services.set(name, startService(name, { url: demo.legacyUrl(definitions[name].database) }));
    }
    await Promise.all([...services.values()].map((service) => service.ready()));
    terminal.table(
      ["service", "database", "login", "starts with", "sessions"],
      names.map((name) => {
        const { database, migrates, legacyPool } = definitions[name];
        return [name, database, "postgres", migrates ? "run_migrations.py" : "", legacyPool];
      }),
    );
    const sessions = names.reduce((sum, name) => sum + definitions[name].legacyPool, 0);
    terminal.claim(sessions === 100, "the six services serve requests, and their pools hold 100 sessions", sessions);
  },
};

const full = "FATAL:  sorry, too many clients already (53300)";

export const fullServer: Step<Demo> = {
  title: "The server is full: Postgres refuses every new login, even the superuser's",
  async run(demo) {
    const { terminal } = demo;
    const admin = demo.legacyUrl("postgres");

    const toReader = await refusal(readerUrl(demo));
    terminal.quote(toReader ?? "login succeeded");
    terminal.claim(toReader === full, "Postgres refuses a non-superuser login (dashboard_ro), as in the runbook");
    const toAdmin = await refusal(admin);
    terminal.quote(toAdmin ?? "login succeeded");
    terminal.claim(toAdmin === full, "Postgres refuses the superuser too");

    terminal.say(
      "Postgres reserves three slots for superusers (superuser_reserved_connections), but these services are superusers and use those slots too. Setting idle_session_timeout now does not help: the timeout of an idle session only starts after its next query. Stopping one service helps: Postgres frees its slots immediately, and no Postgres setting has to change. The runbook names dashboard_api as the service with the lowest risk.",
    );
    await demo.service("dashboard_api").stop();
    const login = await until(async () => ((await refusal(admin)) === undefined ? "succeeded" : undefined));
    terminal.claim(login === "succeeded", "dashboard_api is stopped, and the superuser can log in");

    await showReservedSlots(demo);

    const pool = demo.stack.pool("dashboard_api");
    await demo.service("dashboard_api").restart({ url: demo.legacyUrl("tracksolid_db"), pool });
    terminal.say(
      `dashboard_api starts again, still as the superuser, but with the pool size from the stack configuration: ${pool} sessions. This leaves room for the demo's admin session and for the stack, which opens at most two connections.`,
    );
    const sessions = await demo.ask<{ usename: string; count: number }>(
      "SELECT usename, count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend' GROUP BY 1 ORDER BY 2 DESC, 1",
    );
    terminal.table(
      ["login", "sessions"],
      sessions.map(({ usename, count }) => [usename, count]),
    );
  },
};

/** Shows that logins without SUPERUSER cannot use the reserved slots. */
async function showReservedSlots(demo: Demo): Promise<void> {
  const { terminal } = demo;
  const opened: Client[] = [];
  try {
    let said: string | undefined;
    while (!said && opened.length < 12) {
      said = await refusal(readerUrl(demo));
      if (!said) opened.push(await login(readerUrl(demo), "demo visitor"));
    }
    terminal.quote(said ?? "every login succeeded");
    const toAdmin = await refusal(demo.legacyUrl("postgres"));
    terminal.claim(
      said?.startsWith("FATAL:  remaining connection slots are reserved") === true && toAdmin === undefined,
      `non-superuser logins fill the server again (${opened.length} sessions) but cannot use the reserved slots, so the superuser can still log in`,
      toAdmin,
    );
  } finally {
    await Promise.all(opened.map((client) => client.end()));
  }
}

function readerUrl(demo: Demo): string {
  return demo.url("dashboard_ro", "dashboard_ro", "tracksolid_db");
}
