import type { NamedServer } from "../postgres/named-server.ts";
import { ReadOnlyServer } from "../postgres/read-only-server.ts";

/** Sessions of a discovery wait for no lock and are named for other admins. */
const settings = { application_name: "app-roles discover", statement_timeout: "1min", lock_timeout: "2s" };

/** The server to discover; its sessions cannot write. */
export function discoveredServer(named: NamedServer): ReadOnlyServer {
  return new ReadOnlyServer(named, settings);
}
