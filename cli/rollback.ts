import { parseArgs } from "node:util";
import { type Command, UsageError } from "./command.ts";
import { onlyWord } from "./options.ts";
import { selectedStack } from "./pulumi.ts";
import { goBack } from "./way-back.ts";

export const rollback: Command = {
  summary: "puts one service back on its legacy URL, at once and without the database",
  usage: `app-roles rollback SERVICE [--stack NAME]

Sets connectAs: legacy for the service in Pulumi.<stack>.yaml and runs an up for that service alone, without a refresh:
nothing is asked of the database, so it works with Postgres down or full. Run it in the folder of Pulumi.yaml.

  --stack NAME   the stack; default: the selected one`,

  async run(args) {
    const { service, stack } = await options(args);
    const code = await goBack(service, stack);
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
    return { service: onlyWord(positionals, "service"), stack: values.stack ?? (await selectedStack()) };
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
