import { alternateLogins } from "../../model/login-roles.ts";
import type { Service } from "../../model/stack.ts";
import { cutoverGateContract } from "../../provider/cutover/gate/contract.ts";
import { loginTurnContract } from "../../provider/cutover/turns/contract.ts";
import { serviceEnvContract } from "../../provider/service-env/contract.ts";
import type { ConfiguredStack } from "../pulumi/read-stack.ts";
import { type ExportedResource, exportState, serviceResources } from "../pulumi/state.ts";

/** The rotation of a role, and the resources to watch in its up. */
export interface Rotation {
  /** The services that log in as the role. */
  services: Service[];
  /** URN of the password that is replaced. */
  password: string;
  /** URN of the resource whose update changes the password in force. */
  begins: string;
  /** URN of the resource whose update makes the server refuse the previous password. */
  ends: string;
  /** Service to URN of the resource that starts it with its URL. */
  deployments: Map<string, string>;
  /** With `rotation: alternate`: the login role in use, and the next one. */
  logins: { current: string; next: string } | undefined;
  /** The login role whose current password is refused as soon as the up begins; undefined for none. */
  shutOut: string | undefined;
}

const deploymentTypes = [serviceEnvContract.token, "docker:index/container:Container", "docker:index/service:Service"];

/** Reads the state. Throws before anything is changed if the role cannot be rotated. */
export async function planRotation(
  role: string,
  stack: string,
  services: Service[],
  { roles }: ConfiguredStack,
): Promise<Rotation> {
  const state = await exportState(stack);
  const find = (type: string, name: string) =>
    state.resources?.find((each) => each.type === type && each.urn.endsWith(`::${name}`) && !each.delete);
  const all = serviceResources(state);
  const found = services.map(({ name }) => [name, all.get(name) ?? []] as const);
  const deployments = found.flatMap(([service, its]) => {
    const deployment = its.find(({ type }) => deploymentTypes.includes(type));
    return deployment ? [[service, deployment.urn] as const] : [];
  });
  const plan = ofRole(role, find, roles[role]?.rotation);
  if (plan.logins) refuseLate(role, plan.logins, found);
  return { ...plan, services, deployments: new Map(deployments) };
}

/** The next login role gets a new password, so no service may still use it. Services without a gate need confirmation. */
function refuseLate(
  role: string,
  { current, next }: NonNullable<Rotation["logins"]>,
  services: (readonly [string, ExportedResource[]])[],
): void {
  const late = services.flatMap(([service, its]) => {
    const gate = its.find(({ type }) => type === cutoverGateContract.token);
    return gate && gate.inputs?.login !== current ? [service] : [];
  });
  if (late.length === 0) return;
  throw new Error(
    `the last rotation of ${role} is not finished: ${late.join(", ")} may still log in as ${next}, not as ${current}. ` +
      "Run pulumi up, which continues it, then run this again. Nothing was changed.",
  );
}

type Find = (type: string, name: string) => ExportedResource | undefined;
type OfRole = Omit<Rotation, "services" | "deployments">;

function ofRole(name: string, find: Find, rotation: string | undefined): OfRole {
  const { urn } = roleNamed(name, find);
  const turn = find(loginTurnContract.token, name);
  if ((rotation === "alternate") !== (turn !== undefined)) {
    const what = turn
      ? `still has its two login roles`
      : "does not have the two login roles of rotation: alternate yet";
    throw new Error(`${name} ${what}: run pulumi up. Nothing was changed.`);
  }
  if (turn) return ofLogins(name, turn, find);
  const password = passwordOf(name, find);
  return { password, begins: urn, ends: urn, logins: undefined, shutOut: name };
}

function ofLogins(name: string, { urn: begins, outputs = {} }: ExportedResource, find: Find): OfRole {
  const [first, second] = alternateLogins(name);
  const current = outputs.inForce === first ? first : second;
  const next = current === first ? second : first;
  const formerRole = roleNamed(current, find);
  const nextRole = roleNamed(next, find);
  return {
    password: passwordOf(next, find),
    begins,
    ends: formerRole.urn,
    logins: { current, next },
    shutOut: outputs.keepsLogin === true ? name : nextRole.inputs?.login === true ? next : undefined,
  };
}

function roleNamed(name: string, find: Find): ExportedResource {
  return find("postgresql:index/role:Role", name) ?? refuseMissing(name);
}

function passwordOf(name: string, find: Find): string {
  return (find("random:index/randomPassword:RandomPassword", name) ?? refuseMissing(name)).urn;
}

function refuseMissing(name: string): never {
  throw new Error(`no up has created the role ${name} yet: run pulumi up. Nothing was changed.`);
}
