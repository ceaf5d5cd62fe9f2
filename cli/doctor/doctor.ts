import { findServer } from "../../provider/docker/find-server.ts";
import { selectedStack } from "../pulumi/pulumi.ts";
import { type ConfiguredStack, readStack } from "../pulumi/read-stack.ts";
import { exportState } from "../pulumi/state.ts";
import { engine, plugins } from "./engine.ts";
import { type Finding, ok, report, unknown, wrong } from "./finding.ts";
import { policies, policyPack } from "./policies.ts";
import { rollbackFindings } from "./rollbacks.ts";
import { runtimes } from "./runtimes.ts";
import { server } from "./server.ts";
import { state } from "./state.ts";

/** Prints the findings. Resolves with the exit code: 1 if something is wrong. */
export async function doctor(stack: string | undefined): Promise<number> {
  const findings = await examine(stack);
  console.log(report(findings));
  return findings.some(({ state }) => state === "wrong") ? 1 : 0;
}

async function examine(given: string | undefined): Promise<Finding[]> {
  const tools = await engine();
  const name = given ?? (await selectedStack().catch((error: Error) => error));
  if (name instanceof Error) {
    const next =
      "choose one: pulumi stack select NAME (pulumi stack ls lists them; pulumi stack init NAME creates one)";
    return [
      ...tools,
      wrong("stack", name.message, next),
      ...(await plugins([])),
      await policyPack(),
      ...unseen("no stack"),
    ];
  }
  const stack = await readStack(name, "without the server").catch((error: Error) => error);
  const [kept, pack] = [await state(name), await policyPack()];
  if (stack instanceof Error) {
    const read = wrong("configuration", stack.message, configurationNext(stack));
    return [...tools, ok("stack", name), read, ...kept, ...(await plugins([])), pack, ...unseen("no configuration")];
  }
  const hasPack = pack.state !== "unknown";
  return [
    ...tools,
    ok("stack", name),
    ok("configuration", inNumbers(stack)),
    ...kept,
    ...(await needed(name, stack, hasPack)),
    pack,
    ...policies(stack, hasPack),
  ];
}

async function needed(name: string, stack: ConfiguredStack, hasPack: boolean): Promise<Finding[]> {
  const used = stack.services.map(({ runtime }) => runtime);
  const found = [...(await plugins(used)), ...(await server(stack, hasPack)), ...(await runtimes(stack))];
  const address = await findServer(stack.server, stack.dockerHost).catch(() => undefined);
  const admin = address && { ...address.admin, password: stack.adminPassword ?? "" };
  // An unreadable state is reported by the check of the state.
  const exported = await exportState(name, "plaintext").catch(() => ({}));
  return [...found, ...(await rollbackFindings(exported, stack, admin))];
}

function unseen(why: string): Finding[] {
  return ["server", "admin", "slots"].map((what) => unknown(what, why));
}

function configurationNext({ message }: Error): string {
  if (/passphrase/i.test(message)) {
    return "set the passphrase of the stack's secrets: PULUMI_CONFIG_PASSPHRASE_FILE or PULUMI_CONFIG_PASSPHRASE";
  }
  return "fix the named keys in the stack's file (Pulumi.<stack>.yaml; docs/config.md explains every key)";
}

function inNumbers({ services, roles, databases }: ConfiguredStack): string {
  const onRole = services.filter(({ connectAs }) => connectAs === "role").length;
  const counts = `${Object.keys(databases).length} databases, ${Object.keys(roles).length} roles, ${services.length} services`;
  return `${counts}, ${onRole} of them on their role`;
}
