import { makeDatabaseUrl } from "../../model/database-url.ts";
import type { Service } from "../../model/stack.ts";
import type { ConfiguredStack } from "../pulumi/read-stack.ts";
import { exportState, serviceResources } from "../pulumi/state.ts";
import { recordOf } from "./find-source.ts";

/**
 * The legacy URL of a service that went back before the state could be brought along: recorded there, else the configuration's,
 * else made as an up would make it. Throws when there is none.
 */
export async function legacyUrlOf({ name, database }: Service, stack: string | undefined, configured: ConfiguredStack) {
  const { server, adminPassword, serviceSecrets } = configured;
  const record = recordOf(serviceResources(await exportState(stack, "in clear")).get(name) ?? []);
  if (typeof record?.legacyUrl === "string") return record.legacyUrl;
  const given = serviceSecrets[name]?.legacyUrl;
  if (given !== undefined) return given;
  if (adminPassword === undefined) {
    throw new Error(
      `the legacy URL of ${name} is made of the admin's password, which is not known: set it with pulumi config set --secret adminPassword, or PGPASSWORD`,
    );
  }
  const { host, port, admin } = server;
  return makeDatabaseUrl({ host, port, user: admin.user, password: adminPassword, database });
}
