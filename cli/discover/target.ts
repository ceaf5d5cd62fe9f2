import { existsSync } from "node:fs";
import { ConnectionError, type ServerAddress } from "../../provider/postgres/connection.ts";
import { addressOfEnvironment, addressOfUrl } from "../postgres/address.ts";
import { readStack } from "../pulumi/read-stack.ts";
import { UsageError } from "../terminal/command.ts";

/** The server to discover. */
export interface Target {
  address: ServerAddress;
  /** `docker:host` of the stack, if the stack names the server; default: DOCKER_HOST, else the local socket. */
  dockerHost: string | undefined;
  /** Whether the configuration of a stack names it. */
  isStack: boolean;
}

/** The URL, else `--stack`, else libpq's environment variables, else the selected stack. Throws UsageError or the error of pulumi. */
export async function findTarget(url: string | undefined, stack: string | undefined): Promise<Target> {
  if (url !== undefined) return { address: addressOfUrl(url, process.env), dockerHost: undefined, isStack: false };
  const named = stack === undefined ? addressOfEnvironment(process.env) : undefined;
  if (named) return { address: named, dockerHost: undefined, isStack: false };
  if (stack === undefined && !existsSync("Pulumi.yaml")) {
    throw new UsageError(
      "no server is named: give a URL, or PGHOST, PGUSER, PGPASSWORD and PGDATABASE, or run this in the folder of Pulumi.yaml",
    );
  }
  const { server, adminPassword, dockerHost } = await readStack(stack);
  return { address: { ...server.admin, password: adminPassword ?? "" }, dockerHost, isStack: true };
}

/** An error of the login with the next step for a server that a URL or the environment names. */
export function explainLogin({ isStack }: Target, error: unknown): unknown {
  if (!(error instanceof ConnectionError) || isStack) return error;
  const { code = "", reason, next } = error;
  if (/does not support SSL/.test(reason))
    return new Error(`${reason}. Add ?sslmode=disable if the network is trusted.`);
  const fitting = nextSteps[code] ?? (/there is none$/.test(reason) ? nextSteps["28P01"] : undefined);
  return new Error(`${reason}. ${fitting ?? next}`);
}

const nextSteps: Record<string, string> = {
  "28P01": "Check the password: in the URL or, so that no process list shows it, in PGPASSWORD.",
  "3D000": "Check the database in the URL or PGDATABASE; postgres exists on most servers.",
  ECONNREFUSED: "No server listens there: check host and port.",
  ENOTFOUND: "The host name cannot be resolved.",
  ETIMEDOUT: "No answer: check the host and any firewall in between.",
};
