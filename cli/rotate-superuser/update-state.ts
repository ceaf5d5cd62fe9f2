import { withNewPassword } from "../../model/database-url.ts";
import { isDeployed } from "../../model/runtime.ts";
import type { Service } from "../../model/stack.ts";
import { switches } from "../../model/switches.ts";
import { showPulumi } from "../pulumi/pulumi.ts";
import type { ConfiguredStack } from "../pulumi/read-stack.ts";
import { exportState } from "../pulumi/state.ts";
import { type Deployed, followers, type HeldUrl, heldUrls } from "./services.ts";
import { pending, type StackVault } from "./vault.ts";

/**
 * Brings the new password into the state, which has the former until then, and into the recorded legacy URLs that log in with
 * it unless these are to be kept; a service on `legacy` that the stack runs is restarted with it. A pending one says so to the
 * next run.
 */
export async function updateState(
  name: string,
  stack: ConfiguredStack,
  deployed: Deployed,
  vault: StackVault,
  keepLegacyUrls: boolean,
): Promise<number> {
  const following = followers(stack, deployed);
  const { current: next } = await vault.read();
  const held = heldNow(stack, deployed, next);
  const renewed = keepLegacyUrls ? [] : held.filter((each) => each.renewed !== undefined);
  const given = renewed.filter(({ isGiven }) => isGiven);
  if (given.length > 0) {
    const urls = given.map(({ service, renewed }) => [service.name, renewed as string]);
    await vault.giveLegacyUrls(Object.fromEntries(urls));
  }
  // All of the stack: an up of a part whose dependencies have changed could leave a state that Pulumi refuses.
  if (((await exportState(name)).resources ?? []).length > 0) {
    const args = ["up", "--yes", "--skip-preview", "--refresh=false", "--suppress-outputs", "--stack", name];
    const code = await showPulumi(args, { [switches.legacyUrls]: keepLegacyUrls ? "keep" : "renew" });
    if (code !== 0) {
      console.error(
        `app-roles rotate-superuser: the password is changed and stored, but the up that takes it into the state ended with exit code ${code}: fix what it names, then run this again, which goes on (${pending} stands until then)`,
      );
      return 1;
    }
  }
  await vault.drop();
  if (renewed.length > 0) {
    console.log(
      `The recorded legacy URLs have the new password too: ${renewed.map(({ service }) => service.name).join(", ")}.`,
    );
  }
  const left = held.filter((each) => !renewed.includes(each));
  // Also those whose URL an earlier run has changed.
  const handed = handedOut(stack, [...following, ...renewed.map(({ service }) => service)], next);
  console.log(
    `The password of ${stack.server.admin.user} is changed. What remains:\n${remaining(handed, left)
      .map((step) => `  ${step}`)
      .join("\n")}`,
  );
  return 0;
}

/** The former password is the state's until the up: a run that goes on with an earlier one's finds it there. */
function heldNow(stack: ConfiguredStack, deployed: Deployed, next: string | undefined): HeldUrl[] {
  const former = deployed.adminPassword ?? stack.adminPassword;
  if (former === undefined || next === undefined || former === next) return [];
  return heldUrls(stack, deployed, former, next);
}

/** The services on `legacy` that somebody else restarts and whose URL has the new password: one of `changed`, or given with it. */
function handedOut(
  { services, serviceSecrets, server }: ConfiguredStack,
  changed: Service[],
  next: string | undefined,
) {
  const isGiven = ({ name }: Service) => {
    const given = serviceSecrets[name]?.legacyUrl;
    if (given === undefined || next === undefined) return false;
    return withNewPassword(given, server.admin.user, next, next) !== undefined;
  };
  return services.filter(
    (service) =>
      service.connectAs === "legacy" && !isDeployed(service.runtime) && (changed.includes(service) || isGiven(service)),
  );
}

/**
 * What remains to be done by hand once the password is changed.
 *
 * @param handed services that somebody else restarts with the new one
 * @param left services whose own URL has the former one still
 */
function remaining(handed: Service[], left: HeldUrl[]): string[] {
  return [
    ...handed.map(({ name }) => `restart ${name} with its new URL: npx app-roles env ${name} --file ${name}.env`),
    ...left.map(({ service: { name, connectAs, runtime }, place }) =>
      connectAs === "legacy"
        ? `${name} is on legacy and has the former password: give ${place} the new one${isDeployed(runtime) ? ", and run pulumi up" : ", and restart it with it"}`
        : `the way back of ${name} is dead, since its legacy URL holds the former password: set app-roles:serviceSecrets.${name}.legacyUrl to the one with the new password, and run pulumi up`,
    ),
    ...(process.env.PGPASSWORD === undefined
      ? []
      : ["take PGPASSWORD away where it is the former password: the stack's own goes before it, psql knows no other"]),
    "a connection pooler that has a list of passwords needs the new one",
    "commit the stack's file (Pulumi.<stack>.yaml), in which the new one is encrypted",
    "pulumi preview --expect-no-changes",
  ];
}
