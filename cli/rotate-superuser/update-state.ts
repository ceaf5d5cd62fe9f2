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
 * Updates the state, and the recorded legacy URLs unless `keepLegacyUrls`, with the new password, and restarts services on
 * `legacy` that the stack runs. The pending password is removed at the end, so that an interrupted run can be continued.
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
  // A targeted up could leave a state that Pulumi refuses, because dependencies may have changed.
  if (((await exportState(name)).resources ?? []).length > 0) {
    const args = ["up", "--yes", "--skip-preview", "--refresh=false", "--suppress-outputs", "--stack", name];
    const code = await showPulumi(args, { [switches.legacyUrls]: keepLegacyUrls ? "keep" : "renew" });
    if (code !== 0) {
      console.error(
        `app-roles rotate-superuser: the password is changed and stored, but the up that updates the state ended with exit code ${code}: fix its errors, then run this again to continue (${pending} remains set until then)`,
      );
      return 1;
    }
  }
  await vault.drop();
  if (renewed.length > 0) {
    console.log(
      `The new password was also set in the recorded legacy URLs of ${renewed.map(({ service }) => service.name).join(", ")}.`,
    );
  }
  const left = held.filter((each) => !renewed.includes(each));
  // Includes services whose URL an earlier run has changed.
  const handed = handedOut(stack, [...following, ...renewed.map(({ service }) => service)], next);
  console.log(
    `The password of ${stack.server.admin.user} was changed. Remaining steps:\n${remaining(handed, left)
      .map((step) => `  ${step}`)
      .join("\n")}`,
  );
  return 0;
}

/** The state has the previous password until the up, also for a run that continues an earlier one. */
function heldNow(stack: ConfiguredStack, deployed: Deployed, next: string | undefined): HeldUrl[] {
  const previous = deployed.adminPassword ?? stack.adminPassword;
  if (previous === undefined || next === undefined || previous === next) return [];
  return heldUrls(stack, deployed, previous, next);
}

/** Services on `legacy` that the user restarts and whose URL has the new password. */
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
 * The remaining manual steps.
 *
 * @param handed services that the user restarts with the new password
 * @param left services whose own URL still has the previous one
 */
function remaining(handed: Service[], left: HeldUrl[]): string[] {
  return [
    ...handed.map(({ name }) => `restart ${name} with its new URL: npx app-roles env ${name} --file ${name}.env`),
    ...left.map(({ service: { name, connectAs, runtime }, place }) =>
      connectAs === "legacy"
        ? `${name} is on legacy and has the previous password: set the new one in ${place}${isDeployed(runtime) ? ", and run pulumi up" : ", and restart it with it"}`
        : `${name} cannot be rolled back, because its legacy URL holds the previous password: set app-roles:serviceSecrets.${name}.legacyUrl to a URL with the new password, and run pulumi up`,
    ),
    ...(process.env.PGPASSWORD === undefined
      ? []
      : ["unset PGPASSWORD if it is the previous password: the stack prefers its own, but psql uses PGPASSWORD"]),
    "set the new password in connection poolers that have a list of passwords",
    "commit the stack's file (Pulumi.<stack>.yaml), which holds the new one encrypted",
    "run pulumi preview --expect-no-changes",
  ];
}
