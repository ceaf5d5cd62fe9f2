import { createInterface } from "node:readline/promises";
import { stackFile } from "../../config/stack-file.ts";
import type { Service } from "../../model/stack.ts";
import { switches } from "../../model/switches.ts";
import { EventLog } from "../pulumi/event-log.ts";
import { selectedStack, showPulumi } from "../pulumi/pulumi.ts";
import { type ConfiguredStack, readStack } from "../pulumi/read-stack.ts";
import { connectAsInForce, exportState } from "../pulumi/state.ts";
import { othersRolledBack, rolledBackOthers } from "../rollback/update-state.ts";
import { table } from "../terminal/screen.ts";
import { planRotation, type Rotation } from "./rotation.ts";
import { RotationWatch } from "./rotation-watch.ts";

export interface RotateOptions {
  yes?: boolean;
  /** Folders. */
  policyPack?: string[];
  stack?: string;
}

export async function rotate(role: string, options: RotateOptions): Promise<number> {
  const { yes, policyPack = [], stack: given } = options;
  const stack = given ?? (await selectedStack());
  const configured = await readStack(stack, "without the server");
  const services = await servicesOn(role, stack, configured);
  const back = await rolledBackOthers(await exportState(stack, "plaintext"), undefined);
  if (back.length > 0) throw new Error(`${othersRolledBack(back, stack)}. Nothing was changed.`);
  const rotation = await planRotation(role, stack, services, configured);
  if (!yes && !(await agreed(rotation))) return 1;
  const watch = new RotationWatch(rotation);
  const failures = await up(role, stack, rotation, policyPack, watch);
  if (services.length > 0) console.log(`\n${windows(rotation, watch)}\n`);
  if (failures === undefined) {
    const { logins } = rotation;
    const isOn = logins ? `now uses its login role ${logins.next}, which has a new password` : "has a new password";
    console.log(`${role} ${isOn}${services.length === 0 ? "; no service uses it" : ""}.`);
    return 0;
  }
  console.error(afterFailure(role, stack, rotation, watch, failures));
  return 1;
}

/** The services that log in as the role. Throws before anything is changed if the role cannot be rotated. */
async function servicesOn(role: string, stack: string, configured: ConfiguredStack): Promise<Service[]> {
  if (Object.hasOwn(configured.existingRoles, role)) {
    throw new Error(`${role} is one of app-roles:existingRoles: the stack does not manage its password`);
  }
  if (!Object.hasOwn(configured.roles, role)) {
    throw new Error(`the stack declares no role ${role}; it declares ${Object.keys(configured.roles).join(", ")}`);
  }
  const inForce = await connectAsInForce(stack);
  const declared = configured.services.filter((each) => each.role === role);
  const switched = declared.filter(({ name, connectAs }) => (inForce.get(name) ?? "legacy") !== connectAs);
  if (switched.length > 0) {
    const names = switched.map(({ name, connectAs }) => `${name} (connectAs: ${connectAs})`).join(", ");
    throw new Error(
      `${stackFile(stack)} changes connectAs of services of ${role}, which no up has applied yet: ${names}. ` +
        "Run pulumi up for them, or revert them. Nothing was changed.",
    );
  }
  return declared.filter(({ connectAs }) => connectAs === "role");
}

/** Asks for confirmation if the rotation would lock out services that only the user can update. */
async function agreed({ services, shutOut, logins }: Rotation): Promise<boolean> {
  const external = services.filter(({ runtime }) => runtime === "external").map(({ name }) => name);
  if (external.length === 0 || shutOut === undefined) return true;
  const names = external.join(", ");
  const what = logins
    ? `New logins as ${shutOut} will fail: ${names} (runtime: external) must already have the URL of ${logins.current}, which npx app-roles env prints`
    : `New logins of ${names} (runtime: external) will fail from the moment ${shutOut} has its new password until you update their URLs`;
  if (!process.stdin.isTTY) {
    console.error(`${what}. Nothing was changed; run it again with --yes when you are ready.`);
    return false;
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await terminal.question(`${what}. Continue? (yes/no) `)).trim() === "yes";
  } finally {
    terminal.close();
  }
}

/** Undefined if the up succeeded; otherwise the errors of the resources. */
async function up(
  role: string,
  stack: string,
  { password }: Rotation,
  policyPacks: string[],
  watch: RotationWatch,
): Promise<string[] | undefined> {
  const log = await EventLog.create();
  const watched = log.follow((events) => watch.see(events, Date.now()));
  try {
    const code = await showPulumi(
      [
        ...["up", "--yes", "--skip-preview", "--stack", stack, ...log.args],
        ...["--replace", password],
        ...policyPacks.flatMap((folder) => ["--policy-pack", folder]),
      ],
      { ...log.env, [switches.rotate]: role },
    );
    await watched();
    return code === 0 ? undefined : await log.errors();
  } finally {
    await watched();
    await log.remove();
  }
}

/** How long new logins of each service failed. */
function windows(rotation: Rotation, watch: RotationWatch): string {
  return table([
    ["service", "runtime", "new logins failed for"],
    ...rotation.services.map((service) => [service.name, service.runtime, window(service, rotation, watch)]),
  ]);
}

function window({ name, runtime }: Service, { logins }: Rotation, watch: RotationWatch): string {
  if (!watch.mayHaveBegun) return "none: the password was not changed";
  if (runtime === "external") {
    const bring = `npx app-roles env ${name} --file ${name}.env`;
    return logins
      ? `none, if it has its new URL before the next rotation: ${bring}`
      : `until you update its URL: ${bring}`;
  }
  if (logins && !watch.wasRedeployed(name) && watch.endedAt === undefined) return `none: ${logins.current} can log in`;
  const milliseconds = watch.window(name);
  if (milliseconds === 0) return "none";
  return Number.isFinite(milliseconds) ? `${(milliseconds / 1000).toFixed(1)} s` : "not redeployed: they still fail";
}

function afterFailure(
  role: string,
  stack: string,
  { logins }: Rotation,
  watch: RotationWatch,
  failures: string[],
): string {
  const why = failures.map((line) => `\n${line.replace(/^/gm, "  ")}`).join("");
  const again = logins ? "another rotate is refused until then" : "another rotate generates another password";
  return (
    `${stateAfterFailure(role, logins, watch)}. Fix the errors below, then run: pulumi up --stack ${stack}. It continues with the ` +
    `password in the state; ${again}.${why}`
  );
}

function stateAfterFailure(role: string, logins: Rotation["logins"], watch: RotationWatch): string {
  const may = watch.hasBegun ? "HAS" : "MAY HAVE";
  if (!watch.mayHaveBegun) return `The password of ${role} was not changed`;
  if (!logins) return `${role} ${may} ITS NEW PASSWORD, and not every service is healthy with it`;
  const current =
    watch.endedAt === undefined ? `${logins.current} can still log in` : `${logins.current} MAY BE REFUSED`;
  return `${role} ${may} THE LOGIN ${logins.next}, and not every service is healthy with it; ${current}`;
}
