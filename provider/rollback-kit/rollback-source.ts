import { z } from "zod";
import { orUnknown } from "../reconciler.ts";
import { Unknown } from "../rpc/values.ts";
import { declaredTarget, toTarget } from "../service-env/declared.ts";
import type { Watched } from "../service-env/target.ts";
import { containerSteps } from "./container-script.ts";
import { loginCheck } from "./login-check.ts";
import { scriptOf } from "./script.ts";
import { swarmSteps } from "./swarm-script.ts";

/** What is known of a service on its role so that it can be put back on its legacy URL. */
export const wayBackShape = {
  ...declaredTarget,
  /** A container of the stack's own: how the command line makes it again. */
  container: z
    .strictObject({
      name: z.string().min(1),
      create: z.strictObject({ options: z.array(z.string()), image: z.string(), words: z.array(z.string()) }),
      networks: z.record(z.string(), z.array(z.string())),
    })
    .optional(),
  /** Of a container: its environment but for the URL; secret. */
  env: orUnknown(z.record(z.string(), orUnknown(z.string()))).optional(),
  /** A swarm's service of the stack's own. */
  swarm: z.strictObject({ name: z.string().min(1), urlFrom: z.enum(["env", "file"]) }).optional(),
  stack: z.string(),
  /** The DATABASE_URL that it goes back to. */
  legacyUrl: orUnknown(z.string()),
};
const schema = z.object(wayBackShape);
export type WayBack = z.infer<typeof schema>;

/** The record as it stands in a stack's state, secrets in clear. Throws when it is none. */
export function readWayBack(inputs: Record<string, unknown>): WayBack {
  const given = Object.entries(inputs).filter(([, value]) => value !== null);
  return schema.parse(Object.fromEntries(given));
}

/**
 * The whole of the script that puts the service back, in latin1; undefined as long as the legacy URL is not known. Changes
 * nothing. Throws when no script can be made.
 */
export async function wayBackScript(wayBack: WayBack, call: Watched): Promise<string | undefined> {
  const { service, stack, urlKey, legacyUrl } = wayBack;
  if (typeof legacyUrl !== "string") return undefined;
  const target = toTarget(wayBack);
  try {
    const steps = target ? await target.rollbackSteps(legacyUrl, call) : ownSteps(wayBack, legacyUrl);
    return steps && scriptOf({ service, stack, urlKey }, [...loginCheck(legacyUrl), ...steps]);
  } catch (error) {
    const { message } = error as Error;
    throw new Error(`${service}: its rollback script cannot be made: ${target ? target.scrub(message) : message}`);
  }
}

/** Of what the stack itself runs; undefined as long as its environment is not known. */
function ownSteps({ urlKey, container, env = {}, swarm, dockerHost }: WayBack, legacyUrl: string) {
  if (swarm) return swarmSteps({ ...swarm, urlKey, legacyUrl, dockerHost });
  if (!container) throw new Error("neither compose, command, container nor swarm is given");
  const known = Object.entries(env instanceof Unknown ? {} : env).filter(isKnown);
  if (env instanceof Unknown || known.length < Object.keys(env).length) return undefined;
  return containerSteps({ ...container, env: { ...Object.fromEntries(known), [urlKey]: legacyUrl }, dockerHost });
}

function isKnown(entry: [string, unknown]): entry is [string, string] {
  return typeof entry[1] === "string";
}
