import { connectAsLabel } from "../../model/container-labels.ts";
import type { InputsOf } from "../contract.ts";
import { swarmServiceLabel } from "../docker/swarm-service.ts";
import type { Changes, Reconciler } from "../reconciler.ts";
import type { Call } from "../rpc/provider.ts";
import { rollbackScriptContract } from "./contract.ts";
import { handoverOf, KeptScript } from "./kept-script.ts";
import { rollbackScriptText } from "./rollback-source.ts";

type Inputs = InputsOf<typeof rollbackScriptContract>;

/**
 * A service's way back to its legacy URL: kept in the state before the service is put on its role, for `app-roles rollback`, and
 * with a folder also as a script that needs neither Pulumi nor state or passphrase. Removed after it went back. Asks the
 * database nothing.
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
      // Where no script is kept it is made once all the same: a service without a way back is not put on its role.
      if (previous && !kept && !handover) return { changes: {}, warnings };
      const text = await rollbackScriptText(inputs, call);
      if (text !== undefined) await handover?.write(text);
      return { changes: kept ? await changesOf(kept, text) : {}, warnings };
    },

    summarize: ({ service }, changes) =>
      Object.keys(changes).length === 0 ? undefined : `${service}: its way back without the stack is written`,

    async apply(inputs, previous, call) {
      const kept = keptScript(inputs);
      const former = previous && keptScript(previous);
      const text = await rollbackScriptText(inputs, call);
      if (text === undefined) throw new Error(`${inputs.service}: its legacy URL is not known`);
      const isDue = kept !== undefined && (await kept.difference(text)) !== undefined;
      if (isDue) await kept.write(text);
      if (former && former.path !== kept?.path) await former.remove();
      if (!isDue) return undefined;
      return `${inputs.service}: its way back without the stack: sh ${kept.path}`;
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

/** A swarm's service that the script put back; where a container or compose runs it, their own resources say so. */
async function rolledBack({ service, swarm, dockerHost }: Inputs): Promise<string[]> {
  if (!swarm || (await swarmServiceLabel(dockerHost, swarm.name, connectAsLabel)) !== "legacy") return [];
  return [`${service} is on its legacy URL, as its rollback script leaves it: this up puts it on its role`];
}
