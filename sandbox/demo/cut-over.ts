import { definitions, type ServiceName } from "../legacy/services/definitions.ts";
import type { Demo } from "./demo.ts";
import { loginsOf } from "./sessions.ts";
import { until } from "./until.ts";
import { watching } from "./watch.ts";

/**
 * Moves one service as a deploy does: flips `connectAs`, runs `pulumi up`, restarts the service with the URL from the
 * stack's outputs, and watches its sessions and everybody else's requests.
 */
export async function cutOver(demo: Demo, name: ServiceName, connectAs: "role" | "legacy"): Promise<void> {
  const { terminal, stack } = demo;
  const service = demo.service(name);
  const login = connectAs === "role" ? stack.role(name) : "postgres";
  const others = [...demo.services.values()].filter((other) => other !== service);

  const { watched } = await watching(others, async () => {
    await stack.set({ [`services.${name}.connectAs`]: connectAs });
    await stack.up();
    const { [name]: url } = await stack.databaseUrls();
    await service.restart({ url, pool: stack.pool(name) });
    demo.deployed.set(name, url);
  });

  const pool = stack.pool(name);
  const moved = (logins: string[]) => logins.length === pool && logins.every((found) => found === login);
  const logins = await until(async () => {
    const logins = await loginsOf(demo, name);
    return moved(logins) ? logins : undefined;
  });
  terminal.claim(
    logins !== undefined,
    `${name} is back, and its ${pool} sessions are ${login}'s`,
    await loginsOf(demo, name),
  );
  if (definitions[name].migrates) {
    const [ledger] = await demo.ask<{ applied_by: string }>(
      "SELECT applied_by FROM tracksolid.schema_migrations ORDER BY applied_at DESC LIMIT 1",
    );
    terminal.claim(
      ledger?.applied_by === login,
      `its migrations ran as ${login}: ALTER TABLE, CREATE OR REPLACE VIEW and the ledger's row`,
      ledger,
    );
  }
  const { served, failures } = service;
  const resumed = await until(() => (service.served > served + 1 ? service.served : undefined));
  terminal.claim(
    resumed !== undefined && service.failures === failures,
    "it serves, without a permission denied in its log",
    service.log.slice(-3),
  );
  terminal.claim(
    watched.every(({ troubles }) => troubles.length === 0),
    "the other services noticed nothing",
    watched.flatMap(({ troubles }) => troubles),
  );
}
