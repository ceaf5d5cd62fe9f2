import { parseArgs } from "node:util";
import { cutoverProblem } from "../model/cutover.ts";
import { milliseconds } from "../model/duration.ts";
import type { Service } from "../model/stack.ts";
import type { Command } from "./command.ts";
import { EventLog } from "./event-log.ts";
import { exportState, serviceResources } from "./exported.ts";
import { connectAsInForce } from "./in-force.ts";
import { onlyWord, reading } from "./options.ts";
import { selectedStack, showPulumi } from "./pulumi.ts";
import { type ConfiguredStack, readStack } from "./stack.ts";
import { setConnectAs } from "./stack-file.ts";
import { watchService } from "./watch-service.ts";
import { goBack } from "./way-back.ts";

export const cutover: Command = {
  summary: "puts one service on its role, watches it, and goes back by itself when it is not well",
  usage: `app-roles cutover SERVICE [--watch TIME] [--policy-pack FOLDER]... [--stack NAME]

Sets connectAs: role for the service in Pulumi.<stack>.yaml and runs an up of all but the other services: its role, what that
owns and may do, and the service, which must then pass its gate. When the up fails or is interrupted, the service is put back
on its legacy URL as by app-roles rollback, and the exit code is 1. Run it in the folder of Pulumi.yaml.

  --watch TIME           after that, watch sessions, containers and log for so long (45m), and go back on trouble
  --policy-pack FOLDER   for the up, as pulumi up takes it; may be given more than once
  --stack NAME           the stack; default: the selected one`,

  async run(args) {
    const { service: name, stack: given, watch, policyPacks } = options(args);
    const stack = given ?? (await selectedStack());
    const configured = await readStack(stack);
    const others = await refuseUnready(name, stack, configured);
    const interruption = new Interruption();
    try {
      await setConnectAs(stack, name, "role");
      const failed = await up(stack, others, policyPacks, interruption);
      if (failed) return await afterFailure(name, stack, failed.lines, interruption);
      console.log(`${name} is on its role.`);
      if (watch === undefined) return 0;
      const trouble = await watchService(name, stack, configured, watch, interruption.signal);
      return trouble ? await afterFailure(name, stack, trouble, interruption) : 0;
    } finally {
      interruption.end();
    }
  },
};

function options(args: string[]) {
  return reading(() => {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        watch: { type: "string" },
        "policy-pack": { type: "string", multiple: true },
        stack: { type: "string" },
      },
    });
    const service = onlyWord(positionals, "service");
    const watch = values.watch === undefined ? undefined : milliseconds(values.watch.replace(/m$/, "min"));
    if (values.watch !== undefined && watch === undefined) {
      throw new Error(`--watch: expected a time such as 45m, 2h or 90s, found ${values.watch}`);
    }
    return { service, watch, policyPacks: values["policy-pack"] ?? [], stack: values.stack };
  });
}

/** Throws, before anything is changed, what stands in the way; gives the resources of the other services. */
async function refuseUnready(name: string, stack: string, { services, databases }: ConfiguredStack): Promise<string[]> {
  const declared = services.find((each) => each.name === name);
  if (!declared) {
    throw new Error(`the stack declares no service ${name}; it has ${services.map((each) => each.name).join(", ")}`);
  }
  const problem = cutoverProblem({ ...declared, connectAs: "role" }, databases[declared.database]);
  if (problem) throw new Error(`app-roles:services.${name}.${problem.key}: ${problem.message}. Nothing was changed.`);
  const inForce = await connectAsInForce(stack);
  refuseDone(declared, inForce);
  refuseOthers(services, inForce, name, stack);
  const resources = serviceResources(await exportState(stack));
  resources.delete(name);
  return [...resources.values()].flat().map(({ urn }) => urn);
}

function refuseDone({ name, connectAs }: Service, inForce: Map<string, string>): void {
  if (connectAs === "role" && inForce.get(name) === "role") throw new Error(`${name} is on its role already`);
}

/** What else an up would change of services is no part of this one. */
function refuseOthers(services: Service[], inForce: Map<string, string>, name: string, stack: string): void {
  const unmade = services.filter((each) => !inForce.has(each.name));
  if (unmade.length > 0) {
    throw new Error(
      `no up has completed yet for ${unmade.map((each) => each.name).join(", ")}: run pulumi up first. Nothing was changed.`,
    );
  }
  const switched = services.filter((each) => each.name !== name && each.connectAs !== inForce.get(each.name));
  if (switched.length === 0) return;
  const list = switched.map((each) => `${each.name} (${inForce.get(each.name)} -> ${each.connectAs})`).join(", ");
  throw new Error(
    `Pulumi.${stack}.yaml switches other services that no up has switched yet: ${list}. ` +
      "Run pulumi up for them, or set them back; one service is cut over at a time. Nothing was changed.",
  );
}

/** Undefined when it went well; else the errors of the resources. */
async function up(
  stack: string,
  others: string[],
  policyPacks: string[],
  interruption: Interruption,
): Promise<{ lines: string[] } | undefined> {
  const log = await EventLog.create();
  try {
    const code = await showPulumi(
      [
        ...["up", "--yes", "--skip-preview", "--stack", stack, ...log.args],
        ...others.flatMap((urn) => ["--exclude", urn]),
        ...policyPacks.flatMap((folder) => ["--policy-pack", folder]),
      ],
      log.env,
    );
    if (code === 0 && !interruption.signal.aborted) return undefined;
    return { lines: interruption.signal.aborted ? ["it was interrupted"] : await log.errors() };
  } finally {
    await log.remove();
  }
}

async function afterFailure(name: string, stack: string, lines: string[], interruption: Interruption): Promise<number> {
  const why =
    lines.length > 0 ? `:\n${lines.map((line) => line.replace(/^/gm, "  ")).join("\n")}` : "; the up says why.";
  console.error(`\n${name} is put back on its legacy URL: its cutover did not go well${why}\n`);
  interruption.reset();
  const code = await goBack(name, stack).catch((error: Error) => error);
  if (code === 0) {
    console.error(`${name} is back on its legacy URL; nothing in the database was taken back. Why${why}`);
    return 1;
  }
  const said = code instanceof Error ? code.message : `its up ended with exit code ${code}`;
  console.error(
    `${name} COULD NOT BE PUT BACK (${said}): it may be on its role or on its legacy URL. ` +
      `Run now: npx app-roles rollback ${name}. What went wrong before${why}`,
  );
  return 1;
}

/** Ctrl-C, and the ends of a session: the up is ended in order, and what it began is taken back. */
class Interruption {
  #controller = new AbortController();
  readonly #interrupt = () => this.#controller.abort();

  constructor() {
    for (const signal of signals) process.on(signal, this.#interrupt);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** What comes next may be interrupted anew. */
  reset(): void {
    this.#controller = new AbortController();
  }

  end(): void {
    for (const signal of signals) process.off(signal, this.#interrupt);
  }
}

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
