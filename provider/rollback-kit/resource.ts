import { connectAsLabel } from "../../model/container-labels.ts";
import type { InputsOf } from "../contract.ts";
import { swarmServiceLabel } from "../docker/lookups.ts";
import type { Changes, Reconciler } from "../reconciler.ts";
import type { Call } from "../rpc/provider.ts";
import { rollbackScriptContract } from "./contract.ts";
import { handoverOf, KeptScript } from "./kept-script.ts";
import { rollbackScriptText } from "./rollback-source.ts";

type Inputs = InputsOf<typeof rollbackScriptContract>;

/**
 * How a service is rolled back to its legacy URL: kept in the state before the service is cut over, for `app-roles rollback`,
 * and with a folder also as a script that needs neither Pulumi nor state or passphrase. Removed after a rollback. Does not use
 * the database.
 */
export function rollbackScript(): Reconciler<typeof rollbackScriptContract> {
  return {
    contract: rollbackScriptContract,
    identity: ["service"],
    hidden: ["legacyUrl", "compose", "command", "container", "env", "swarm", "urlKey"],
    advisory: ["dockerHost"],
    id: ({ service }) => service,

    async plan(inputs, previous, _before, call: Call) {
      const warnings = previous ? await rolledBack(inputs) : [];
      const kept = keptScript(inputs);
      const handover = handoverOf(inputs.service);
      // Without a folder the script is generated once anyway: a service that cannot be rolled back is not cut over.
      if (previous && !kept && !handover) return { changes: {}, warnings };
      const text = await rollbackScriptText(inputs, call);
      if (text !== undefined) await handover?.write(text);
      return { changes: kept ? await changesOf(kept, text) : {}, warnings };
    },

    summarize: ({ service }, changes) =>
      Object.keys(changes).length === 0 ? undefined : `${service}: its rollback script is written`,

    async apply(inputs, previous, call) {
      const kept = keptScript(inputs);
      const previousKept = previous && keptScript(previous);
      const text = await rollbackScriptText(inputs, call);
      if (text === undefined) throw new Error(`${inputs.service}: its legacy URL is not known`);
      const isDue = kept !== undefined && (await kept.difference(text)) !== undefined;
      if (isDue) await kept.write(text);
      if (previousKept && previousKept.path !== kept?.path) await previousKept.remove();
      if (!isDue) return undefined;
      return `${inputs.service}: to roll it back without the stack: sh ${kept.path}`;
    },

    async remove(inputs) {
      await keptScript(inputs)?.remove();
    },
  };
}

function keptScript({ folder, service }: Inputs): KeptScript | undefined {
  return folder === undefined ? undefined : new KeptScript(folder, service);
}

async function changesOf(kept: KeptScript, text: string | undefined): Promise<Changes> {
  const difference = text === undefined ? "is not known yet" : await kept.difference(text);
  return difference === undefined ? {} : { [kept.path]: difference };
}

/** A swarm service that the script rolled back; containers and compose services are reported by their own resources. */
async function rolledBack({ service, swarm, dockerHost }: Inputs): Promise<string[]> {
  if (!swarm || (await swarmServiceLabel(dockerHost, swarm.name, connectAsLabel)) !== "legacy") return [];
  return [`${service} was rolled back by its rollback script: this up cuts it over to its role again`];
}
