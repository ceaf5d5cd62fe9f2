import type { ServerAddress } from "../../provider/postgres/connection.ts";
import type { ConfiguredStack } from "../pulumi/read-stack.ts";
import { type Exported, serviceResources, stackOf } from "../pulumi/state.ts";
import { recordOf } from "../rollback/find-source.ts";
import { tryLegacyLogin } from "../rollback/legacy-login.ts";
import { deployedServices } from "../rotate-superuser/services.ts";
import { pending } from "../rotate-superuser/vault.ts";
import { type Finding, wrong } from "./finding.ts";

/**
 * Ways back that are dead, and a change of the admin's password that stands half-way; nothing where all is in order.
 *
 * @param state with its secrets in clear
 * @param admin undefined: the server was not found, so no login can be tried
 */
export async function rollbackFindings(
  state: Exported,
  stack: ConfiguredStack,
  admin: ServerAddress | undefined,
): Promise<Finding[]> {
  const deployed = deployedServices(state);
  const resources = serviceResources(state);
  const onRole = stack.services.filter(({ name }) => deployed.connectAs.get(name) === "role");
  const tried = await Promise.all(
    (stack.migrationComplete ? [] : onRole).map(async ({ name }) => {
      try {
        // What a rollback would take; an external service has only what the configuration gives.
        const recorded = recordOf((resources.get(name) ?? []).filter((each) => !each.delete))?.legacyUrl;
        const url = recorded ?? stack.serviceSecrets[name]?.legacyUrl ?? deployed.kept.get(name);
        const login = typeof url === "string" ? await tryLegacyLogin(url, admin) : undefined;
        if (login?.state !== "refused") return [];
        const next = `give the URL that works: pulumi config set --secret --path app-roles:serviceSecrets.${name}.legacyUrl --stack ${stackOf(state)}, then pulumi up`;
        return [wrong(`way back of ${name}`, `dead: ${login.why}`, next)];
      } catch (error) {
        const found = `its record in the state cannot be read: ${(error as Error).message.replace(/\s+/g, " ")}`;
        return [wrong(`way back of ${name}`, found, "pulumi up, which records it anew")];
      }
    }),
  );
  const half = stack.pendingAdminPassword === undefined ? [] : [pendingChange()];
  return [...tried.flat(), ...half];
}

function pendingChange(): Finding {
  const found = `${pending} stands: a rotate-superuser was interrupted`;
  return wrong(
    "password",
    found,
    "run app-roles rotate-superuser: it finds out which password is in force, and finishes",
  );
}
