import { z } from "zod";
import { connectAsLabel, rollbackLabel } from "../../model/container-labels.ts";
import type { InputsOf } from "../contract.ts";
import { dockerClient } from "../docker/client.ts";
import { swarmServiceLabel } from "../docker/lookups.ts";
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

/** Reads a record from a stack's state with secrets in plaintext. Throws if it is invalid. */
export function readRollbackSource(inputs: Record<string, unknown>): RollbackSource {
  const given = Object.entries(inputs).filter(([, value]) => value !== null);
  return schema.parse(Object.fromEntries(given));
}

/**
 * The rollback script of a service, in latin1; undefined while the legacy URL is not known. Changes nothing. Throws if it cannot
 * be generated.
 */
export async function rollbackScriptText(source: RollbackSource, call: Watched): Promise<string | undefined> {
  const { service, stack, urlKey, legacyUrl } = source;
  if (typeof legacyUrl !== "string") return undefined;
  const target = toTarget(source);
  try {
    const steps = target ? await target.rollbackSteps(legacyUrl, call) : ownSteps(source, legacyUrl);
    return steps && scriptOf({ service, stack, urlKey }, [...loginCheck(legacyUrl), ...steps]);
  } catch (error) {
    const { message } = error as Error;
    throw new Error(`${service}: its rollback script cannot be generated: ${target ? target.scrub(message) : message}`);
  }
}

/** Steps for a service that the stack itself runs; undefined while its environment is not known. */
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

/** Whether a service on its role was rolled back by its rollback script; false if that cannot be determined. */
export async function isRolledBack(source: RollbackSource): Promise<boolean> {
  try {
    return await look(source);
  } catch {
    return false;
  }
}

async function look(source: RollbackSource): Promise<boolean> {
  const { legacyUrl, container, swarm, dockerHost } = source;
  const target = toTarget(source);
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
