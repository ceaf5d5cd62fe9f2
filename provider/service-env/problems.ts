import type { InputsOf } from "../contract.ts";
import { CommandTarget } from "./command.ts";
import { ComposeTarget } from "./compose.ts";
import type { envSource } from "./contract.ts";
import type { EnvTarget, Watched } from "./target.ts";

/** Where a service's environment variable is kept. */
export type EnvSource = InputsOf<{ inputs: typeof envSource }>;

export function toTarget({ service, urlKey, compose, command, dockerHost }: EnvSource): EnvTarget | undefined {
  if (compose) return new ComposeTarget({ ...compose, composeService: compose.service, service, urlKey, dockerHost });
  return command && new CommandTarget({ ...command, service, urlKey });
}

/** Why a service's URL cannot be read or written where compose or the user's command keeps it. */
export interface TargetProblem {
  service: string;
  /** The key of the configuration: `app-roles:services.api.compose.envFile`. */
  key: string;
  /** Without secrets. */
  reason: string;
}

/**
 * What is checked: only the `files`, which needs no Docker; whether the URL can be `read`; or everything for which a redeploy with
 * another URL is refused.
 */
export type Depth = "files" | "read" | "redeploy";

/**
 * Checks where each service keeps its URL, and reports all problems in one go. Changes nothing.
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
  // Compose would report the same problems again.
  if (unreadable.length > 0 || depth === "files") return unreadable;
  try {
    await target.find(call);
    return depth === "read" ? [] : (await target.examine(call)).refusals;
  } catch (error) {
    return [target.scrub((error as Error).message)];
  }
}

/** A reason can begin with its own key. */
function keyed({ service, compose }: EnvSource, reason: string): TargetProblem {
  const whole = `services.${service}.${compose ? "compose" : "command"}`;
  const [start = "", ...rest] = reason.split(": ");
  return start.startsWith(`${whole}.`) && rest.length > 0
    ? { service, key: `app-roles:${start}`, reason: rest.join(": ") }
    : { service, key: `app-roles:${whole}`, reason };
}
