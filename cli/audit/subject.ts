import { existsSync } from "node:fs";
import type { ServerAddress } from "../../provider/postgres/connection.ts";
import { addressOfEnvironment, addressOfUrl } from "../postgres/address.ts";
import { selectedStack } from "../pulumi/pulumi.ts";
import { type ConfiguredStack, readStack } from "../pulumi/read-stack.ts";
import { type Exported, exportState } from "../pulumi/state.ts";
import { UsageError } from "../terminal/command.ts";

/** What is audited: a live server, and what is declared about it. */
export interface Subject {
  address: ServerAddress;
  /** Undefined: nothing is declared. */
  declared: Declared | undefined;
}

/** A stack's declaration and its state after the last up. */
export interface Declared {
  /** Name of the stack. */
  name: string;
  stack: ConfiguredStack;
  /** With secrets in plaintext; an error if it could not be read. */
  state: Exported | Error;
}

/**
 * Finds the server and the declaration. The URL, else the stack, else libpq's environment variables name the server. Without
 * `stack` and outside a Pulumi project nothing is declared. Throws the error of pulumi or Docker, ConfigError or UsageError.
 */
export async function findSubject(url: string | undefined, stack: string | undefined): Promise<Subject> {
  const declared = stack !== undefined || existsSync("Pulumi.yaml") ? await readDeclared(stack, url) : undefined;
  const address = url === undefined ? undefined : addressOfUrl(url, process.env);
  if (address) return { address, declared };
  if (declared) {
    const { server, adminPassword } = declared.stack;
    return { address: { ...server.admin, password: adminPassword ?? "" }, declared };
  }
  const named = addressOfEnvironment(process.env);
  if (named) return { address: named, declared };
  throw new UsageError(
    "no server is named: run this in the folder of Pulumi.yaml, or give a URL or PGHOST, PGUSER, PGPASSWORD and PGDATABASE",
  );
}

async function readDeclared(given: string | undefined, url: string | undefined): Promise<Declared> {
  const name = given ?? (await selectedStack());
  const stack = await readStack(name, url === undefined ? undefined : "without the server");
  const state = await exportState(name, "plaintext").catch((error: Error) => error);
  return { name, stack, state };
}
