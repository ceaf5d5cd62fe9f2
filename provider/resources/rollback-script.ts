import { z } from "zod";
import { connectAsLabel } from "../docker/labels.ts";
import { swarmServiceLabel } from "../docker/swarm-service.ts";
import { containerSteps } from "../rollback-kit/container-script.ts";
import { KeptScript } from "../rollback-kit/kept-script.ts";
import { scriptOf } from "../rollback-kit/script.ts";
import { swarmSteps } from "../rollback-kit/swarm-script.ts";
import type { Call } from "../rpc/provider.ts";
import { Unknown } from "../rpc/values.ts";
import { declaredTarget, toTarget } from "../service-env/declared.ts";
import { orUnknown, type Reconciler } from "./reconciler.ts";

const shape = {
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
  /** Where the script is kept; from the Pulumi project's folder. */
  folder: z.string().min(1),
  stack: z.string(),
  /** The DATABASE_URL that it puts back. */
  legacyUrl: orUnknown(z.string()),
};
type Inputs = z.infer<z.ZodObject<typeof shape>>;

/**
 * A script that puts a service back on its legacy URL without Pulumi, state or passphrase, written before the service is put on
 * its role and removed after it went back. Asks the database nothing.
 */
export function rollbackScript(): Reconciler<typeof shape> {
  return {
    description: "A script that puts a service back on its legacy URL without Pulumi, state or passphrase.",
    shape,
    identity: ["service"],
    hidden: ["legacyUrl", "compose", "command", "container", "env", "swarm", "urlKey"],
    advisory: ["dockerHost"],
    id: ({ service }) => service,

    async plan(inputs, olds, _before, call: Call) {
      const kept = keptScript(inputs);
      const text = await textOf(inputs, call);
      const difference = text === undefined ? "is not known yet" : await kept.difference(text);
      return {
        changes: difference === undefined ? {} : { [kept.path]: difference },
        warnings: olds ? await rolledBack(inputs) : [],
      };
    },

    summarize: ({ service }, changes) =>
      Object.keys(changes).length === 0 ? undefined : `${service}: its way back without the stack is written`,

    async apply(inputs, olds, call) {
      const kept = keptScript(inputs);
      const text = await textOf(inputs, call);
      if (text === undefined) throw new Error(`${inputs.service}: its legacy URL is not known`);
      const isDue = (await kept.difference(text)) !== undefined;
      if (isDue) await kept.write(text);
      const former = olds && keptScript(olds);
      if (former && former.path !== kept.path) await former.remove();
      if (!isDue) return undefined;
      return `${inputs.service}: its way back without the stack: sh ${kept.path}`;
    },

    async remove(inputs) {
      await keptScript(inputs).remove();
    },
  };
}

function keptScript({ folder, service }: Inputs): KeptScript {
  return new KeptScript(folder, service);
}

/** A swarm's service that the script put back; where a container or compose runs it, their own resources say so. */
async function rolledBack({ service, swarm, dockerHost }: Inputs): Promise<string[]> {
  if (!swarm || (await swarmServiceLabel(dockerHost, swarm.name, connectAsLabel)) !== "legacy") return [];
  return [`${service} is on its legacy URL, as its rollback script leaves it: this up puts it on its role`];
}

/** Undefined as long as the legacy URL is not known. */
async function textOf(inputs: Inputs, call: Call): Promise<string | undefined> {
  const { service, stack, urlKey, legacyUrl } = inputs;
  if (typeof legacyUrl !== "string") return undefined;
  const target = toTarget(inputs);
  try {
    const steps = target ? await target.rollbackSteps(legacyUrl, call) : ownSteps(inputs, legacyUrl);
    return steps && scriptOf({ service, stack, urlKey }, steps);
  } catch (error) {
    const { message } = error as Error;
    throw new Error(`${service}: its rollback script cannot be made: ${target ? target.scrub(message) : message}`);
  }
}

/** Of what the stack itself runs; undefined as long as its environment is not known. */
function ownSteps({ urlKey, container, env = {}, swarm, dockerHost }: Inputs, legacyUrl: string): string[] | undefined {
  if (swarm) return swarmSteps({ ...swarm, urlKey, legacyUrl, dockerHost });
  if (!container) throw new Error("neither compose, command, container nor swarm is given");
  const known = Object.entries(env instanceof Unknown ? {} : env).filter(isKnown);
  if (env instanceof Unknown || known.length < Object.keys(env).length) return undefined;
  return containerSteps({ ...container, env: { ...Object.fromEntries(known), [urlKey]: legacyUrl }, dockerHost });
}

function isKnown(entry: [string, unknown]): entry is [string, string] {
  return typeof entry[1] === "string";
}
