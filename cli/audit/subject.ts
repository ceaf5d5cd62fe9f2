import { existsSync } from "node:fs";
import {
  type NamedServer,
  noServer,
  serverOfEnvironment,
  serverOfStack,
  serverOfUrl,
} from "../postgres/named-server.ts";
import { selectedStack } from "../pulumi/pulumi.ts";
import { type ConfiguredStack, readStack } from "../pulumi/read-stack.ts";
import { type Exported, exportState } from "../pulumi/state.ts";

/** What is audited: a live server, and what is declared about it. */
export interface Subject extends NamedServer {
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
 * Finds the server and the declaration. The URL names the server, else the stack, else libpq's environment variables: those of a
 * shell must not have another server compared with the stack. Without `stack` and outside a Pulumi project nothing is declared.
 * Throws the error of pulumi or Docker, ConfigError or UsageError.
 */
export async function findSubject(url: string | undefined, stack: string | undefined): Promise<Subject> {
  const named = url === undefined ? undefined : serverOfUrl(url);
  const declared = stack !== undefined || existsSync("Pulumi.yaml") ? await readDeclared(stack, url) : undefined;
  const server = named ?? (declared ? serverOfStack(declared.stack) : serverOfEnvironment());
  if (!server) throw noServer();
  return { ...server, declared };
}

async function readDeclared(given: string | undefined, url: string | undefined): Promise<Declared> {
  const name = given ?? (await selectedStack());
  const stack = await readStack(name, url === undefined ? undefined : "without the server");
  const state = await exportState(name, "plaintext").catch((error: Error) => error);
  return { name, stack, state };
}
