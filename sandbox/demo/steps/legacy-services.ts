import { definitions, type ServiceName } from "../../legacy/services/definitions.ts";
import { startService } from "../../legacy/services/service.ts";
import type { Demo } from "../demo.ts";

export const title = "The runbook's server: six services, all of them the superuser";

export async function run(demo: Demo): Promise<void> {
  const { terminal, services } = demo;
  terminal.say(
    "A real Postgres with max_connections = 100 and the runbook's two databases. Six services start, each with the superuser's login and a pool that sits idle:",
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
  terminal.claim(sessions === 100, "the six pools hold 100 sessions and serve", sessions);
}
