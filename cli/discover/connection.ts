import { ConnectionError, codeOf, type ServerAddress } from "../../provider/postgres/connection.ts";
import { ReadOnlyServer } from "../postgres/read-only-server.ts";

/** Sessions of a discovery wait for no lock and are named for other admins. */
const settings = { application_name: "app-roles discover", statement_timeout: "1min", lock_timeout: "2s" };

/** The server to discover; its sessions cannot write. */
export function discoveredServer(address: ServerAddress): ReadOnlyServer {
  return new ReadOnlyServer(address, settings);
}

/** Whether the server is full, went away or ended the session, so that the same look can succeed later. */
export function isLostConnection(error: unknown): boolean {
  if (error instanceof ConnectionError && error.code === undefined) return false;
  const message = error instanceof Error ? error.message : "";
  return (
    /^(08|53300|57P0[1-5]|ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)/.test(codeOf(error) ?? "") ||
    /Connection terminated|connection is closed|not queryable|timeout expired/i.test(message)
  );
}
