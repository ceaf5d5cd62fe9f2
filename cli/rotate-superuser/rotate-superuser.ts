import { parseArgs } from "node:util";
import { readStack } from "../../config/command-line.ts";
import { timeSpan, timeSpanExpected } from "../../model/duration.ts";
import { selectedStack } from "../pulumi/pulumi.ts";
import { exportState } from "../pulumi/state.ts";
import type { Command } from "../terminal/command.ts";
import { reading } from "../terminal/options.ts";
import { during } from "../terminal/progress.ts";
import { openServer, refuseBusy, refuseHalfWay } from "./preconditions.ts";
import { type Options, rotate } from "./rotation.ts";
import { deployedServices } from "./services.ts";
import { takeUp } from "./take-up.ts";
import { stackVault } from "./vault.ts";

export const rotateSuperuser: Command = {
  summary: "gives the admin a new password, after showing who still uses the one it has",
  usage: `app-roles rotate-superuser [--watch TIME] [--accept NAME]... [--yes] [--keep-legacy-urls] [--stack NAME]

Shows who logs in as server.admin.user within TIME, which containers hold its password and which services depend on it.
Each must be accepted by its name, or nothing is changed and the exit code is 1. Then sets a generated password, tries a
login with the new and one with the former, stores the new one as app-roles:adminPassword, and runs pulumi up without a
refresh, which takes it into the state. Recorded legacy URLs that log in with the former password get the new one, so that
the way back works. Ended at any moment, run it again: it goes on where it stopped. Run it in the folder of Pulumi.yaml.

  --watch TIME    how long to watch, such as 10min (default), 8h; 0 takes one look. A login that lasts less than a second
                  may be missed
  --accept NAME   accepts a finding, as it is named; may be given more than once. On a terminal each is asked for
  --yes           do not ask before the password is changed
  --keep-legacy-urls
                  leave the former password in recorded legacy URLs; their ways back are dead then
  --stack NAME    the stack; default: the selected one`,

  async run(args) {
    const { stack: name = await selectedStack(), keepLegacyUrls, ...options } = parse(args);
    const { stack, deployed, server } = await during("reading the stack", () => begin(name));
    const vault = stackVault(name);
    try {
      const isDone = await server.session(undefined, (db) => rotate(db, { stack, deployed, vault, ...options }));
      if (!isDone) return 1;
    } finally {
      // The up needs the connection.
      await server.close();
    }
    return takeUp(name, stack, deployed, vault, keepLegacyUrls);
  },
};

/** Refuses what stands in the way, and logs in. */
async function begin(name: string) {
  const stack = await readStack(name);
  await refuseBusy(name, stack);
  const deployed = deployedServices(await exportState(name, "in clear"));
  refuseHalfWay(stack, deployed);
  return { stack, deployed, server: await openServer(stack) };
}

function parse(args: string[]): Options & { keepLegacyUrls: boolean; stack?: string | undefined } {
  return reading(() => {
    const { values } = parseArgs({
      args,
      options: {
        watch: { type: "string", default: "10min" },
        accept: { type: "string", multiple: true },
        yes: { type: "boolean", default: false },
        "keep-legacy-urls": { type: "boolean", default: false },
        stack: { type: "string" },
      },
    });
    const watch = timeSpan(values.watch);
    if (watch === undefined) throw new Error(`--watch: expected ${timeSpanExpected}, found ${values.watch}`);
    const { yes, stack, accept = [], "keep-legacy-urls": keepLegacyUrls } = values;
    return { watch, accept, yes, keepLegacyUrls, stack };
  });
}
