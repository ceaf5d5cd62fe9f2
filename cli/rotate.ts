import { createInterface } from "node:readline/promises";
import { parseArgs } from "node:util";
import type { Service } from "../model/stack.ts";
import type { Command } from "./command.ts";
import { EventLog } from "./event-log.ts";
import { type ExportedResource, exportState, serviceResources } from "./exported.ts";
import { connectAsInForce } from "./in-force.ts";
import { onlyWord, reading } from "./options.ts";
import { selectedStack, showPulumi } from "./pulumi.ts";
import { RotationWatch } from "./rotation-watch.ts";
import { type ConfiguredStack, readStack } from "./stack.ts";
import { table } from "./table.ts";

export const rotate: Command = {
  summary: "gives a role a new password, and its services with it, in one up",
  usage: `app-roles rotate ROLE [--yes] [--policy-pack FOLDER]... [--stack NAME]

Makes a new password and runs an up of the role and of the services on it alone: the server takes the password, and every
service that the stack deploys is redeployed with it at once and then watched by its gate. Sessions that are open go on; how
long new logins with the former password failed is measured and printed. A service with the runtime external you bring its new
URL yourself: that is asked about first. Run it in the folder of Pulumi.yaml.

  --yes                  do not ask about external services
  --policy-pack FOLDER   for the up, as pulumi up takes it; may be given more than once
  --stack NAME           the stack; default: the selected one`,

  async run(args) {
    const { role, yes, policyPacks, stack: given } = options(args);
    const stack = given ?? (await selectedStack());
    const services = await servicesOn(role, stack, await readStack(stack, "without the server"));
    const resources = await resourcesOf(role, services, stack);
    const external = services.filter(({ runtime }) => runtime === "external");
    if (external.length > 0 && !yes && !(await agreed(role, external))) return 1;
    const watch = new RotationWatch(resources.role.urn, resources.deployments);
    const failures = await up(role, stack, resources, policyPacks, watch);
    if (services.length > 0) console.log(`\n${windows(services, watch)}\n`);
    if (failures === undefined) {
      console.log(`${role} has a new password${services.length === 0 ? "; no service is on it" : ""}.`);
      return 0;
    }
    console.error(afterFailure(role, stack, watch, failures));
    return 1;
  },
};

function options(args: string[]) {
  return reading(() => {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        yes: { type: "boolean", default: false },
        "policy-pack": { type: "string", multiple: true },
        stack: { type: "string" },
      },
    });
    const role = onlyWord(positionals, "role");
    return { role, yes: values.yes, policyPacks: values["policy-pack"] ?? [], stack: values.stack };
  });
}

/** The services that log in as the role. Throws, before anything is changed, what stands in the way. */
async function servicesOn(role: string, stack: string, configured: ConfiguredStack): Promise<Service[]> {
  if (Object.hasOwn(configured.existingRoles, role)) {
    throw new Error(
      `${role} is one of app-roles:existingRoles: the stack does not know its password, and changes none`,
    );
  }
  if (!Object.hasOwn(configured.roles, role)) {
    throw new Error(`the stack declares no role ${role}; it has ${Object.keys(configured.roles).join(", ")}`);
  }
  const inForce = await connectAsInForce(stack);
  const declared = configured.services.filter((each) => each.role === role);
  const switched = declared.filter(({ name, connectAs }) => (inForce.get(name) ?? "legacy") !== connectAs);
  if (switched.length > 0) {
    const names = switched.map(({ name, connectAs }) => `${name} (connectAs: ${connectAs})`).join(", ");
    throw new Error(
      `Pulumi.${stack}.yaml switches services of ${role} that no up has switched yet: ${names}. ` +
        "Run pulumi up for them, or set them back. Nothing was changed.",
    );
  }
  return declared.filter(({ connectAs }) => connectAs === "role");
}

interface Resources {
  password: ExportedResource;
  role: ExportedResource;
  /** All of the services'. */
  services: ExportedResource[];
  /** What starts a service with its URL: service to URN. */
  deployments: Map<string, string>;
}

const deploymentTypes = [
  "pgaccess:index:ServiceEnv",
  "docker:index/container:Container",
  "docker:index/service:Service",
];

/** What the up is of. Throws when no up has made it. */
async function resourcesOf(name: string, services: Service[], stack: string): Promise<Resources> {
  const state = await exportState(stack);
  const ofRole = (type: string) =>
    state.resources?.find((each) => each.type === type && each.urn.endsWith(`::${name}`) && !each.delete);
  const password = ofRole("random:index/randomPassword:RandomPassword");
  const role = ofRole("postgresql:index/role:Role");
  if (!password || !role) throw new Error(`no up has made the role ${name} yet: run pulumi up. Nothing was changed.`);
  const all = serviceResources(state);
  const found = services.map(({ name: service }) => [service, all.get(service) ?? []] as const);
  const deployments = found.flatMap(([service, its]) => {
    const deployment = its.find(({ type }) => deploymentTypes.includes(type));
    return deployment ? [[service, deployment.urn] as const] : [];
  });
  return { password, role, services: found.flatMap(([, its]) => its), deployments: new Map(deployments) };
}

async function agreed(role: string, external: Service[]): Promise<boolean> {
  const names = external.map(({ name }) => name).join(", ");
  const what = `New logins of ${names} fail from the moment ${role} has its new password until you bring them their new URLs (runtime: external)`;
  if (!process.stdin.isTTY) {
    console.error(`${what}. Nothing was changed; run it with --yes when you are ready.`);
    return false;
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await terminal.question(`${what}. Go on? (yes/no) `)).trim() === "yes";
  } finally {
    terminal.close();
  }
}

/** Undefined when it went well; else the errors of the resources. */
async function up(
  role: string,
  stack: string,
  { password, role: roleResource, services }: Resources,
  policyPacks: string[],
  watch: RotationWatch,
): Promise<string[] | undefined> {
  const log = await EventLog.create();
  const watching = setInterval(() => log.read().then((events) => watch.see(events, Date.now())), 50);
  try {
    const code = await showPulumi(
      [
        ...["up", "--yes", "--skip-preview", "--stack", stack, ...log.args],
        ...["--target-replace", password.urn],
        ...[roleResource, ...services].flatMap(({ urn }) => ["--target", urn]),
        ...policyPacks.flatMap((folder) => ["--policy-pack", folder]),
      ],
      { ...log.env, APP_ROLES_ROTATE: role },
    );
    watch.see(await log.read(), Date.now());
    return code === 0 ? undefined : await log.errors();
  } finally {
    clearInterval(watching);
    await log.remove();
  }
}

/** For each service, how long new logins failed. */
function windows(services: Service[], watch: RotationWatch): string {
  return table([
    ["service", "runtime", "new logins failed for"],
    ...services.map(({ name, runtime }) => [name, runtime, window(name, runtime, watch)]),
  ]);
}

function window(name: string, runtime: string, watch: RotationWatch): string {
  if (watch.changedAt === undefined) return "none: the password was not changed";
  if (runtime === "external") return `until you bring it its URL: npx app-roles env ${name} --file ${name}.env`;
  const milliseconds = watch.window(name);
  if (milliseconds === undefined) return "it was not redeployed: they fail";
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

function afterFailure(role: string, stack: string, watch: RotationWatch, failures: string[]): string {
  const why = failures.map((line) => line.replace(/^/gm, "  ")).join("\n");
  const state =
    watch.changedAt === undefined
      ? `The password of ${role} was not changed`
      : `${role} ${watch.isChanged ? "HAS" : "MAY HAVE"} ITS NEW PASSWORD, and not every service has been well with it`;
  return (
    `${state}. Mend what is named, then run: pulumi up --stack ${stack}. It goes on with the password that is in the state, ` +
    `which no log shows; another rotate makes another.${why ? `\n${why}` : ""}`
  );
}
