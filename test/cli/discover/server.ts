import { discoveredServer } from "../../../cli/discover/connection.ts";
import { type Discovery, type DiscoveryOptions, makeDiscovery } from "../../../cli/discover/discovery.ts";
import { propose } from "../../../cli/discover/proposal.ts";
import type { Proposal } from "../../../cli/discover/proposed/config.ts";
import type { Postgres } from "../../../sandbox/postgres/server.ts";

export interface Login {
  /** Default: the superuser. */
  user?: string;
  password?: string;
}

/** A test server as `app-roles discover` logs in to it. */
export function serverOf({ host, port, ...superuser }: Postgres, login: Login = {}) {
  const { user, password } = { ...superuser, ...login };
  return discoveredServer({
    address: { host, port, user, password, database: "postgres", sslmode: "disable" },
    namedBy: "URL",
  });
}

/** One look at the sessions, without a watch. */
export async function discover(
  postgres: Postgres,
  { user, password, ...options }: Partial<DiscoveryOptions> & Login = {},
): Promise<{ found: Discovery; proposal: Proposal }> {
  const server = serverOf(postgres, {
    ...(user !== undefined && { user }),
    ...(password !== undefined && { password }),
  });
  try {
    const found = await makeDiscovery(server, { watch: 0, ...options }, new AbortController().signal, () => undefined);
    return { found, proposal: propose(found) };
  } finally {
    await server.close();
  }
}
