import { isDeployed } from "../../model/runtime.ts";
import type { Service } from "../../model/stack.ts";
import { type Exported, exportState, serviceResources } from "../exported.ts";
import { showPulumi } from "../pulumi.ts";
import type { ConfiguredStack } from "../stack.ts";
import { type Deployed, followers } from "./services.ts";
import { pending, type Vault } from "./vault.ts";

/** Brings the new password into the state, which has the former until then; a pending one says so to the next run. */
export async function takeUp(name: string, stack: ConfiguredStack, deployed: Deployed, vault: Vault): Promise<number> {
  const following = followers(stack, deployed);
  const targets = takesUp(await exportState(name), stack.server.admin.user, following);
  if (targets.length > 0) {
    const args = ["up", "--yes", "--skip-preview", "--refresh=false", "--suppress-outputs", "--stack", name];
    const code = await showPulumi([...args, ...targets.flatMap((urn) => ["--target", urn])]);
    if (code !== 0) {
      console.error(
        `app-roles rotate-superuser: the password is changed and stored, but the up that takes it into the state ended with exit code ${code}: mend what it names, then run this again (or pulumi up --refresh=false, then pulumi config rm ${pending})`,
      );
      return 1;
    }
  }
  await vault.drop();
  console.log(
    `The password of ${stack.server.admin.user} is changed. What remains:\n${remaining(following)
      .map((step) => `  ${step}`)
      .join("\n")}`,
  );
  return 0;
}

/**
 * The resources that take up the admin's new password: the providers that log in with it, what keeps the URLs that would be
 * made of it, and the services on `legacy` whose URL is. An up of them alone carries out nothing else that is declared.
 */
export function takesUp(state: Exported, user: string, followers: Service[]): string[] {
  const providers = (state.resources ?? []).filter(
    ({ type, inputs }) => isProvider(type) && (inputs?.user ?? inputs?.username) === user,
  );
  const services = serviceResources(state);
  const keepers = [...services.values()].flat().filter(({ type }) => type === "pgaccess:index:LegacyUrl");
  const following = followers.flatMap(({ name }) => services.get(name) ?? []);
  return [...new Set([...providers, ...keepers, ...following].map(({ urn }) => urn))];
}

function isProvider(type: string): boolean {
  return type === "pulumi:providers:pgaccess" || type === "pulumi:providers:postgresql";
}

/** What remains to be done by hand once the password is changed. */
function remaining(followers: Service[]): string[] {
  const handed = followers.filter(({ runtime }) => !isDeployed(runtime));
  return [
    ...handed.map(({ name }) => `restart ${name} with its new URL: npx app-roles env ${name} --file ${name}.env`),
    ...(process.env.PGPASSWORD === undefined
      ? []
      : ["take PGPASSWORD away where it is the former password: the stack's own goes before it, psql knows no other"]),
    "a connection pooler that has a list of passwords needs the new one",
    "commit the stack's file (Pulumi.<stack>.yaml), in which the new one is encrypted",
    "pulumi preview --expect-no-changes",
  ];
}
