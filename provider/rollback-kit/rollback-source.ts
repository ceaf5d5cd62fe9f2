import { z } from "zod";
import { connectAsLabel, rollbackLabel } from "../../model/container-labels.ts";
import type { InputsOf } from "../contract.ts";
import { dockerClient } from "../docker/client.ts";
import { swarmServiceLabel } from "../docker/swarm-service.ts";
import { Unknown } from "../rpc/values.ts";
import { toTarget } from "../service-env/problems.ts";
import type { Watched } from "../service-env/target.ts";
import { containerSteps } from "./container-script.ts";
import { rollbackSource } from "./contract.ts";
import { loginCheck } from "./login-check.ts";
import { scriptOf } from "./script.ts";
import { swarmSteps } from "./swarm-script.ts";

const schema = z.object(rollbackSource);
export type RollbackSource = InputsOf<{ inputs: typeof rollbackSource }>;

/** The record as it stands in a stack's state, secrets in clear. Throws when it is none. */
export function readRollbackSource(inputs: Record<string, unknown>): RollbackSource {
  const given = Object.entries(inputs).filter(([, value]) => value !== null);
  return schema.parse(Object.fromEntries(given));
}

/**
 * The whole of the script that puts the service back, in latin1; undefined as long as the legacy URL is not known. Changes
 * nothing. Throws when no script can be made.
 */
export async function rollbackScriptText(wayBack: RollbackSource, call: Watched): Promise<string | undefined> {
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
function ownSteps({ urlKey, container, env = {}, swarm, dockerHost }: RollbackSource, legacyUrl: string) {
  if (swarm) return swarmSteps({ ...swarm, urlKey, legacyUrl, dockerHost });
  if (!container) throw new Error("neither compose, command, container nor swarm is given");
  const known = Object.entries(env instanceof Unknown ? {} : env).filter(isKnown);
  if (env instanceof Unknown || known.length < Object.keys(env).length) return undefined;
  return containerSteps({ ...container, env: { ...Object.fromEntries(known), [urlKey]: legacyUrl }, dockerHost });
}

function isKnown(entry: [string, unknown]): entry is [string, string] {
  return typeof entry[1] === "string";
}

/** Whether a service on its role has its legacy URL all the same, as its rollback script leaves it; false where nobody can tell. */
export async function isRolledBack(wayBack: RollbackSource): Promise<boolean> {
  try {
    return await look(wayBack);
  } catch {
    return false;
  }
}

async function look(wayBack: RollbackSource): Promise<boolean> {
  const { legacyUrl, container, swarm, dockerHost } = wayBack;
  const target = toTarget(wayBack);
  if (target) {
    const report = { info: () => undefined, warn: () => undefined, progress: () => undefined };
    const { stored } = await target.find({ signal: new AbortController().signal, report });
    return stored !== undefined && stored === legacyUrl;
  }
  if (swarm) return (await swarmServiceLabel(dockerHost, swarm.name, connectAsLabel)) === "legacy";
  if (!container) return false;
  const { Config } = await dockerClient(dockerHost).getContainer(container.name).inspect();
  return Config.Labels?.[rollbackLabel] !== undefined;
}
