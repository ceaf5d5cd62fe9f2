import { alternateLogins } from "../../model/login-roles.ts";
import type { Service } from "../../model/stack.ts";
import { cutoverGateContract } from "../../provider/cutover/gate/contract.ts";
import { loginTurnContract } from "../../provider/cutover/turns/contract.ts";
import { serviceEnvContract } from "../../provider/service-env/contract.ts";
import type { ConfiguredStack } from "../pulumi/read-stack.ts";
import { type ExportedResource, exportState, serviceResources } from "../pulumi/state.ts";

/** What a rotation's up is of, and what to watch in it. */
export interface Rotation {
  /** The services that log in as the role. */
  services: Service[];
  /** URN of the password that is made anew. */
  password: string;
  /** URN of what, once updated, has made the rotation a fact. */
  begins: string;
  /** URN of what ends logins with the former password as soon as it is updated. */
  ends: string;
  /** Service to URN of what starts it with its URL. */
  deployments: Map<string, string>;
  /** With `rotation: alternate`: the login role that the services have, and the one whose turn comes. */
  logins: { former: string; next: string } | undefined;
  /** Who can no longer log in with the password it has now, as soon as the up begins; undefined: nobody. */
  shutOut: string | undefined;
}

const deploymentTypes = [serviceEnvContract.token, "docker:index/container:Container", "docker:index/service:Service"];

/** Reads the state. Throws, before anything is changed, what stands in the way. */
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

/** The login whose turn comes gets a new password: no service may need the one it has. One that passes no gate is asked about. */
function refuseLate(
  role: string,
  { former, next }: NonNullable<Rotation["logins"]>,
  services: (readonly [string, ExportedResource[]])[],
): void {
  const late = services.flatMap(([service, its]) => {
    const gate = its.find(({ type }) => type === cutoverGateContract.token);
    return gate && gate.inputs?.login !== former ? [service] : [];
  });
  if (late.length === 0) return;
  throw new Error(
    `the last rotation of ${role} has not come to its end: ${late.join(", ")} may still log in as ${next}, not as ${former}. ` +
      "Run pulumi up, which goes on with it, and then this again. Nothing was changed.",
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
      : "has no two login roles yet, as its rotation: alternate wants";
    throw new Error(`${name} ${what}: run pulumi up. Nothing was changed.`);
  }
  if (turn) return ofLogins(name, turn, find);
  const password = passwordOf(name, find);
  return { password, begins: urn, ends: urn, logins: undefined, shutOut: name };
}

function ofLogins(name: string, { urn: begins, outputs = {} }: ExportedResource, find: Find): OfRole {
  const [first, second] = alternateLogins(name);
  const former = outputs.inForce === first ? first : second;
  const next = former === first ? second : first;
  const formerRole = roleNamed(former, find);
  const nextRole = roleNamed(next, find);
  return {
    password: passwordOf(next, find),
    begins,
    ends: formerRole.urn,
    logins: { former, next },
    shutOut: outputs.keepsLogin === true ? name : nextRole.inputs?.login === true ? next : undefined,
  };
}

function roleNamed(name: string, find: Find): ExportedResource {
  return find("postgresql:index/role:Role", name) ?? refuseUnmade(name);
}

function passwordOf(name: string, find: Find): string {
  return (find("random:index/randomPassword:RandomPassword", name) ?? refuseUnmade(name)).urn;
}

function refuseUnmade(name: string): never {
  throw new Error(`no up has made the role ${name} yet: run pulumi up. Nothing was changed.`);
}
