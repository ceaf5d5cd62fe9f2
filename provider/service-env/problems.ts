import type { InputsOf } from "../contract.ts";
import { CommandTarget } from "./command.ts";
import { ComposeTarget } from "./compose.ts";
import type { envSource } from "./contract.ts";
import type { EnvTarget, Watched } from "./target.ts";

/** How a program says where a service's environment variable is kept. */
export type EnvSource = InputsOf<{ inputs: typeof envSource }>;

export function toTarget({ service, urlKey, compose, command, dockerHost }: EnvSource): EnvTarget | undefined {
  if (compose) return new ComposeTarget({ ...compose, composeService: compose.service, service, urlKey, dockerHost });
  return command && new CommandTarget({ ...command, service, urlKey });
}

/** What keeps a service's URL from being read, or written, where compose or the user's command keeps it. */
export interface TargetProblem {
  service: string;
  /** The key of the configuration: `app-roles:services.api.compose.envFile`. */
  key: string;
  /** Without secrets. */
  reason: string;
}

/**
 * How closely is looked: at the `files` alone, which needs no Docker; whether the URL can be `read`; or all that a redeploy with
 * another URL is refused for.
 */
export type Depth = "files" | "read" | "redeploy";

/**
 * Looks at where each service keeps its URL, and says all that is wrong at once. Changes nothing.
 *
 * @example await targetProblems([{ service: "api", urlKey: "DATABASE_URL", command: { path: "./env.sh", args: [] } }], call, "read")
 */
export async function targetProblems(declared: EnvSource[], call: Watched, depth: Depth): Promise<TargetProblem[]> {
  const found = await Promise.all(
    declared.map(async (one) => {
      const target = toTarget(one);
      const reasons = target ? await reasonsOf(target, call, depth) : [];
      return reasons.map((reason) => keyed(one, reason));
    }),
  );
  return found.flat();
}

async function reasonsOf(target: EnvTarget, call: Watched, depth: Depth): Promise<string[]> {
  const unreadable = await target.unreadable();
  // What compose says of the same files would be the same once more.
  if (unreadable.length > 0 || depth === "files") return unreadable;
  try {
    await target.find(call);
    return depth === "read" ? [] : (await target.examine(call)).refusals;
  } catch (error) {
    return [target.scrub((error as Error).message)];
  }
}

/** A reason may begin with the very key that is wrong. */
function keyed({ service, compose }: EnvSource, reason: string): TargetProblem {
  const whole = `services.${service}.${compose ? "compose" : "command"}`;
  const [start = "", ...rest] = reason.split(": ");
  return start.startsWith(`${whole}.`) && rest.length > 0
    ? { service, key: `app-roles:${start}`, reason: rest.join(": ") }
    : { service, key: `app-roles:${whole}`, reason };
}
