import { randomBytes } from "node:crypto";
import type { Server } from "../../model/stack.ts";
import { codeOf, login, type ServerAddress } from "../../provider/postgres/connection.ts";
import { type OwnPassword, readOwnPassword } from "./stored-password.ts";

/** invalid_password: the server asked for a password, and that was not it. */
const wrongPassword = "28P01";

/** A login as a client tries it: its error, or what the server says of it. Throws nothing. */
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

/** Whether a login was refused for its password, and for nothing else. */
export function isWrongPassword(result: OwnPassword | Error): boolean {
  return codeOf(result) === wrongPassword;
}

/** An address at which the server asks for a password, or why there is none. */
export type Asking = { address: ServerAddress } | { reasons: string[] };

/**
 * The first of the addresses at which a random password is refused and the one in force is let in, by this very start of
 * the server; pg_hba.conf may let anybody in from here (`trust`, `peer`).
 *
 * @param inForce undefined: not known, then it is enough that a random one is refused
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
  if (!(random instanceof Error)) return "lets anybody in without a password (pg_hba.conf)";
  if (!isWrongPassword(random)) return `does not ask for a password: ${random.message}`;
  if (inForce === undefined) return undefined;
  const known = await tryLogin(address, inForce);
  if (known instanceof Error) return `refuses the password that the stack has: ${known.message}`;
  return known.identity === identity ? undefined : "is another server";
}

export function placeOf({ host, port }: ServerAddress): string {
  return host.startsWith("/") ? `${host} (Unix socket)` : `${host}:${port}`;
}

/** Where the server may ask: the way the stack takes, and the one its services take. */
export function addressesOf({ host, port, admin }: Server): ServerAddress[] {
  const { user, database, sslmode, sslrootcert } = admin;
  const own = { host: admin.host, port: admin.port, user, database, sslmode, sslrootcert, password: "" };
  const services = { ...own, host, port };
  const ways = [own, services, ...(sslmode === "disable" ? [{ ...services, sslmode: "require" }] : [])];
  return ways.filter((way, i) => i === 0 || way.host !== own.host || way.port !== own.port);
}
