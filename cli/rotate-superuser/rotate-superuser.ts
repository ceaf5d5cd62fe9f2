import { selectedStack } from "../pulumi/pulumi.ts";
import { readStack } from "../pulumi/read-stack.ts";
import { exportState } from "../pulumi/state.ts";
import { during } from "../terminal/progress.ts";
import type { Options } from "./acceptance.ts";
import { openServer, refuseBusy, refuseUnapplied } from "./preconditions.ts";
import { rotate } from "./rotation.ts";
import { deployedServices } from "./services.ts";
import { updateState } from "./update-state.ts";
import { stackVault } from "./vault.ts";

export interface RotateSuperuserOptions extends Pick<Options, "watch"> {
  yes?: boolean;
  accept?: string[];
  keepLegacyUrls?: boolean;
  stack?: string;
}

export async function rotateSuperuser(given: RotateSuperuserOptions): Promise<number> {
  const { stack: name = await selectedStack(), keepLegacyUrls = false, watch, accept = [], yes = false } = given;
  const { stack, deployed, server } = await during("reading the stack", () => begin(name));
  const vault = stackVault(name);
  try {
    const isDone = await server.session(undefined, (db) => rotate(db, { stack, deployed, vault, watch, accept, yes }));
    if (!isDone) return 1;
  } finally {
    // The up needs the connection.
    await server.close();
  }
  return updateState(name, stack, deployed, vault, keepLegacyUrls);
}

/** Checks the preconditions and logs in. */
async function begin(name: string) {
  const stack = await readStack(name);
  await refuseBusy(name, stack);
  const deployed = deployedServices(await exportState(name, "plaintext"));
  refuseUnapplied(stack, deployed);
  return { stack, deployed, server: await openServer(stack) };
}
