import { parseArgs } from "node:util";
import { type Command, UsageError } from "./command.ts";
import { exportState, serviceResources } from "./exported.ts";
import { selectedStack, showPulumi } from "./pulumi.ts";
import { setConnectAs } from "./stack-file.ts";

export const rollback: Command = {
  summary: "puts one service back on its legacy URL, at once and without the database",
  usage: `app-roles rollback SERVICE [--stack NAME]

Sets connectAs: legacy for the service in Pulumi.<stack>.yaml and runs an up for that service alone, without a refresh:
nothing is asked of the database, so it works with Postgres down or full. Run it in the folder of Pulumi.yaml.

  --stack NAME   the stack; default: the selected one`,

  async run(args) {
    const { service, stack } = await options(args);
    const targets = await resourcesOf(service, stack);
    await setConnectAs(stack, service, "legacy");
    const code = await showPulumi([
      ...["up", "--yes", "--skip-preview", "--refresh=false", "--stack", stack],
      ...targets.flatMap((urn) => ["--target", urn]),
    ]);
    if (code === 0) {
      console.log(`${service} is back on its legacy URL; nothing in the database was changed.`);
      return 0;
    }
    console.error(
      `app-roles rollback: the up ended with exit code ${code}. connectAs is legacy in Pulumi.${stack}.yaml: run this again once what it names is mended.`,
    );
    return 1;
  },
};

async function options(args: string[]): Promise<{ service: string; stack: string }> {
  try {
    const { values, positionals } = parseArgs({ args, options: { stack: { type: "string" } }, allowPositionals: true });
    const [service, ...more] = positionals;
    if (service === undefined || more.length > 0) throw new Error("expected one service");
    return { service, stack: values.stack ?? (await selectedStack()) };
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** The service's component and all below it, as the last up left them. */
async function resourcesOf(service: string, stack: string): Promise<string[]> {
  const found = serviceResources(await exportState(stack)).get(service);
  if (!found) throw new Error(`the stack ${stack} runs no service ${service}: nothing was changed`);
  return found.map(({ urn }) => urn);
}
