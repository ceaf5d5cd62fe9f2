import { randomBytes } from "node:crypto";
import type { Server } from "../../model/stack.ts";
import { codeOf, login, type ServerAddress } from "../../provider/postgres/connection.ts";
import { type OwnPassword, readOwnPassword } from "./stored-password.ts";

/** invalid_password */
const wrongPassword = "28P01";

/** Tries a login as a client does. Resolves with its error or its properties; never throws. */
export async function tryLogin(address: ServerAddress, password: string): Promise<OwnPassword | Error> {
  try {
    const client = await login({ ...address, password }, address.database, "app-roles");
    try {
      return await readOwnPassword(client);
    } finally {
      await client.end();
    }
  } catch (error) {
    return error as Error;
  }
}

/** Whether a login was refused only because of its password. */
export function isWrongPassword(result: OwnPassword | Error): boolean {
  return codeOf(result) === wrongPassword;
}

/** An address at which the server requires a password, or why there is none. */
export type Asking = { address: ServerAddress } | { reasons: string[] };

/**
 * The first address at which the same server refuses a random password and accepts the one in force; pg_hba.conf can let
 * everyone in from here (`trust`, `peer`).
 *
 * @param inForce undefined if not known: then it is enough that a random one is refused
 * @param identity of the server's current start
 */
export async function whereAsked(
  addresses: ServerAddress[],
  inForce: string | undefined,
  identity: string,
): Promise<Asking> {
  const reasons: string[] = [];
  for (const address of addresses) {
    const problem = await whyNot(address, inForce, identity);
    if (problem === undefined) return { address };
    reasons.push(`${placeOf(address)} ${problem}`);
  }
  return { reasons };
}

async function whyNot(address: ServerAddress, inForce: string | undefined, identity: string) {
  const random = await tryLogin(address, randomBytes(24).toString("hex"));
  if (!(random instanceof Error)) return "requires no password (pg_hba.conf)";
  if (!isWrongPassword(random)) return `does not ask for a password: ${random.message}`;
  if (inForce === undefined) return undefined;
  const known = await tryLogin(address, inForce);
  if (known instanceof Error) return `refuses the stack's password: ${known.message}`;
  return known.identity === identity ? undefined : "is another server";
}

export function placeOf({ host, port }: ServerAddress): string {
  return host.startsWith("/") ? `${host} (Unix socket)` : `${host}:${port}`;
}

/** Addresses at which the server may ask for a password: those of the stack and of its services. */
export function addressesOf({ host, port, admin }: Server): ServerAddress[] {
  const { user, database, sslmode, sslrootcert } = admin;
  const own = { host: admin.host, port: admin.port, user, database, sslmode, sslrootcert, password: "" };
  const services = { ...own, host, port };
  const addresses = [own, services, ...(sslmode === "disable" ? [{ ...services, sslmode: "require" }] : [])];
  return addresses.filter(({ host, port }, i) => i === 0 || host !== own.host || port !== own.port);
}
