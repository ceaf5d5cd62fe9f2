import type { ConfiguredStack } from "../../config/command-line.ts";
import type { ServerAddress } from "../../provider/postgres/connection.ts";
import { exportState } from "../pulumi/state.ts";
import { tryLegacyLogin } from "../rollback/legacy-login.ts";
import { deployedServices } from "../rotate-superuser/services.ts";
import { pending } from "../rotate-superuser/vault.ts";
import { type Finding, wrong } from "./finding.ts";

/** Ways back that are dead, and a change of the admin's password that stands half-way; nothing where all is in order. */
export async function waysBack(
  name: string,
  stack: ConfiguredStack,
  admin: ServerAddress | undefined,
): Promise<Finding[]> {
  const deployed = deployedServices(await exportState(name, "in clear"));
  const onRole = stack.services.filter((service) => deployed.connectAs.get(service.name) === "role");
  const tried = await Promise.all(
    (stack.migrationComplete ? [] : onRole).map(async (service) => {
      const url = stack.serviceSecrets[service.name]?.legacyUrl ?? deployed.kept.get(service.name);
      const login = url === undefined ? undefined : await tryLegacyLogin(url, admin);
      if (login?.state !== "refused") return [];
      const next = `give the URL that works: pulumi config set --secret --path app-roles:serviceSecrets.${service.name}.legacyUrl, then pulumi up`;
      return [wrong(`way back of ${service.name}`, `dead: ${login.why}`, next)];
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
