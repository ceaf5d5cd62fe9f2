import { exportState, serviceResources } from "./exported.ts";
import { showPulumi } from "./pulumi.ts";
import { setConnectAs } from "./stack-file.ts";

/**
 * Puts a service back on its legacy URL: connectAs in the stack's file, then an up of that service alone, which asks the
 * server nothing. Resolves with pulumi's exit code; throws before anything is changed.
 */
export async function goBack(service: string, stack: string): Promise<number> {
  const resources = serviceResources(await exportState(stack)).get(service);
  if (!resources) throw new Error(`the stack ${stack} runs no service ${service}: nothing was changed`);
  await setConnectAs(stack, service, "legacy");
  const args = ["up", "--yes", "--skip-preview", "--refresh=false", "--stack", stack];
  const targets = resources.flatMap(({ urn }) => ["--target", urn]);
  // The program would look for the server's container, which may be what is down.
  return showPulumi([...args, ...targets], { APP_ROLES_WITHOUT_SERVER: "true" });
}
