import type { Stack } from "../../model/stack.ts";
import type { ServerAddress } from "../../provider/postgres/connection.ts";
import { UsageError } from "../terminal/command.ts";
import { addressOfEnvironment, addressOfUrl } from "./address.ts";

/** What names a server; the errors of its logins refer to it. */
export type NamedBy = "URL" | "environment" | "stack";

export interface NamedServer {
  address: ServerAddress;
  namedBy: NamedBy;
}

/** Throws UsageError. */
export function serverOfUrl(url: string): NamedServer {
  return { address: addressOfUrl(url, process.env), namedBy: "URL" };
}

/** Undefined if no environment variable of libpq names a server. */
export function serverOfEnvironment(): NamedServer | undefined {
  const address = addressOfEnvironment(process.env);
  return address && { address, namedBy: "environment" };
}

export function serverOfStack({ server, adminPassword }: Stack): NamedServer {
  return { address: { ...server.admin, password: adminPassword ?? "" }, namedBy: "stack" };
}

export function noServer(): UsageError {
  return new UsageError(
    "no server is named: give a URL, or PGHOST, PGUSER, PGPASSWORD and PGDATABASE, or run this in the folder of Pulumi.yaml",
  );
}
