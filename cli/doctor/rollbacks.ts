import type { ServerAddress } from "../../provider/postgres/connection.ts";
import type { ConfiguredStack } from "../pulumi/read-stack.ts";
import { type Exported, serviceResources, stackOf } from "../pulumi/state.ts";
import { recordOf } from "../rollback/find-source.ts";
import { tryLegacyLogin } from "../rollback/legacy-login.ts";
import { deployedServices } from "../rotate-superuser/services.ts";
import { pending } from "../rotate-superuser/vault.ts";
import { type Finding, wrong } from "./finding.ts";

/**
 * Services that cannot be rolled back because their legacy login fails, and an interrupted change of the admin's password.
 *
 * @param state with secrets in plaintext
 * @param admin undefined if the server was not found, so that no login can be tried
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
        // The URL that a rollback would use; an external service has only the configured one.
        const recorded = recordOf((resources.get(name) ?? []).filter((each) => !each.delete))?.legacyUrl;
        const url = recorded ?? stack.serviceSecrets[name]?.legacyUrl ?? deployed.kept.get(name);
        const login = typeof url === "string" ? await tryLegacyLogin(url, admin) : undefined;
        if (login?.state !== "refused") return [];
        const next = `set a working URL: pulumi config set --secret --path app-roles:serviceSecrets.${name}.legacyUrl --stack ${stackOf(state)}, then pulumi up`;
        return [wrong(`rollback of ${name}`, `its legacy URL cannot log in: ${login.why}`, next)];
      } catch (error) {
        const found = `its recorded source in the state cannot be read: ${(error as Error).message.replace(/\s+/g, " ")}`;
        return [wrong(`rollback of ${name}`, found, "run pulumi up, which records it again")];
      }
    }),
  );
  const interrupted = stack.pendingAdminPassword === undefined ? [] : [pendingChange()];
  return [...tried.flat(), ...interrupted];
}

function pendingChange(): Finding {
  const found = `${pending} is set: a rotate-superuser was interrupted`;
  return wrong(
    "password",
    found,
    "run app-roles rotate-superuser, which finds out which password is in force and finishes the change",
  );
}
