import { parseArgs } from "node:util";
import type { Command } from "../terminal/command.ts";
import { onlyWord, reading } from "../terminal/options.ts";
import { goBack } from "./roll-back.ts";

export const rollback: Command = {
  summary: "puts one service back on its legacy URL, at once and without the database",
  usage: `app-roles rollback SERVICE [--force] [--stack NAME]

Restarts the service with the legacy URL that the stack's state has recorded, as the script of the rollback kit does: the
database need not answer, so it works with Postgres down or full; where it does, a login with that URL is tried first, and the
service stays as it is when the server refuses it. Then sets connectAs: legacy in Pulumi.<stack>.yaml, and runs
an ordinary pulumi up, which brings the state along; where the server cannot be reached that is left to the next one. It may be
run again at any point. Run it in the folder of Pulumi.yaml.

Exit code 0: the service is on its legacy URL and the stack's file says so; 1: one of these failed, or the up did, and what is
printed says which.

  --force        also onto a legacy URL that the server refuses
  --stack NAME   the stack; default: the selected one`,

  async run(args) {
    const { service, stack, force } = options(args);
    return goBack(service, stack, force);
  },
};

function options(args: string[]): { service: string; stack: string | undefined; force: boolean } {
  return reading(() => {
    const { values, positionals } = parseArgs({
      args,
      options: { force: { type: "boolean", default: false }, stack: { type: "string" } },
      allowPositionals: true,
    });
    return { service: onlyWord(positionals, "service"), stack: values.stack, force: values.force };
  });
}
