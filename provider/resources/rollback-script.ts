import { z } from "zod";
import { KeptScript } from "../rollback-kit/kept-script.ts";
import { scriptOf } from "../rollback-kit/script.ts";
import type { Call } from "../rpc/provider.ts";
import { declaredTarget, toTarget } from "../service-env/declared.ts";
import { orUnknown, type Reconciler } from "./reconciler.ts";

const shape = {
  ...declaredTarget,
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
    hidden: ["legacyUrl", "compose", "command", "urlKey"],
    advisory: ["dockerHost"],
    id: ({ service }) => service,

    async plan(inputs, _olds, _before, call: Call) {
      const kept = keptScript(inputs);
      const text = await textOf(inputs, call);
      const difference = text === undefined ? "is not known yet" : await kept.difference(text);
      return { changes: difference === undefined ? {} : { [kept.path]: difference } };
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

/** Undefined as long as the legacy URL is not known. */
async function textOf(inputs: Inputs, call: Call): Promise<string | undefined> {
  const { service, stack, urlKey, legacyUrl } = inputs;
  if (typeof legacyUrl !== "string") return undefined;
  const target = toTarget(inputs);
  if (!target) throw new Error(`${service}: neither compose nor command is given`);
  try {
    return scriptOf({ service, stack, urlKey }, await target.rollbackSteps(legacyUrl, call));
  } catch (error) {
    throw new Error(`${service}: its rollback script cannot be made: ${target.scrub((error as Error).message)}`);
  }
}
