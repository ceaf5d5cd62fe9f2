import { readFileSync } from "node:fs";
import { z } from "zod";
import { baseline } from "./baseline/resource.ts";
import { PreviousOwners } from "./baseline/snapshot.ts";
import { connectionBudget } from "./budget/resource.ts";
import { configuration } from "./configuration.ts";
import { containerName } from "./container-name/resource.ts";
import { cutoverGate } from "./cutover/gate/resource.ts";
import { cutovers } from "./cutover/limit/resource.ts";
import { loginTurn } from "./cutover/turns/resource.ts";
import { destroyGuard } from "./destroy-guard/resource.ts";
import { existingRole } from "./existing-role/resource.ts";
import { awaitRole } from "./functions/await-role.ts";
import { bringContainerBack } from "./functions/bring-container-back.ts";
import * as contracts from "./functions/contracts.ts";
import { dropLeftoverRole } from "./functions/drop-leftover-role.ts";
import { legacyUrl } from "./legacy-url/resource.ts";
import { ownership } from "./ownership/resource.ts";
import { packageSchema } from "./package-schema.ts";
import { Server } from "./postgres/connection.ts";
import { rootCertificateProblem } from "./postgres/root-certificate.ts";
import { PrivilegeReader } from "./privileges/reader.ts";
import { privileges } from "./privileges/resource.ts";
import { publicPrivileges } from "./public-privileges/resource.ts";
import { toResource } from "./reconciler.ts";
import { rehearsal } from "./rehearsal/resource.ts";
import { rollbackScript } from "./rollback-kit/resource.ts";
import type { Provider } from "./rpc/provider.ts";
import { reveal, Unknown } from "./rpc/values.ts";
import { serviceEnv } from "./service-env/resource.ts";
import { serviceUrl } from "./service-url/resource.ts";
import { roleSettings } from "./settings/resource.ts";

const schema = z.object(configuration);

/** The resource plugin `pgaccess`: management of a Postgres server that no official provider offers. */
export function pgaccess(): Provider {
  const server = new Server();
  // Services whose previous container was set aside in this up.
  const setAside = new Set<string>();
  const previousOwners = new PreviousOwners();
  const resources = [
    toResource(baseline(server, previousOwners)),
    toResource(connectionBudget(server)),
    toResource(rehearsal(server)),
    toResource(loginTurn(server)),
    toResource(roleSettings(server)),
    toResource(existingRole(server)),
    toResource(privileges(server, new PrivilegeReader(), previousOwners)),
    toResource(ownership(server)),
    toResource(publicPrivileges(server)),
    toResource(cutovers()),
    toResource(legacyUrl()),
    toResource(serviceUrl(server)),
    toResource(containerName(setAside)),
    toResource(rollbackScript()),
    toResource(serviceEnv()),
    toResource(cutoverGate(server)),
    toResource(destroyGuard(server)),
  ];
  const version = packageVersion();
  return {
    name: "pgaccess",
    version,
    // Made on request: it costs a quarter of a plugin's start.
    schema: () =>
      packageSchema(
        version,
        resources.map(({ contract }) => contract),
      ),

    async checkConfig(news) {
      if (Object.values(news).some((value) => value instanceof Unknown)) return { inputs: news };
      const parsed = schema.safeParse(reveal(news));
      const issues = parsed.success ? certificateIssues(parsed.data) : parsed.error.issues;
      const failures = issues.map(({ path, message }) => ({ property: path.join("."), reason: message }));
      return { inputs: news, failures };
    },

    async configure(config) {
      if (Object.values(config).some((value) => value instanceof Unknown)) return;
      server.configure(schema.parse(reveal(config)));
    },

    resources: Object.fromEntries(resources.map((resource) => [resource.contract.token, resource])),

    functions: {
      [contracts.awaitRoleContract.token]: awaitRole(server),
      [contracts.bringContainerBackContract.token]: bringContainerBack(setAside),
      [contracts.dropLeftoverRoleContract.token]: dropLeftoverRole(server),
    },

    close: () => server.close(),
  };
}

/** Checked here only: a provider from the state is configured without a check, and must work for a rollback. */
function certificateIssues({ sslmode, sslrootcert }: z.output<typeof schema>) {
  if (sslrootcert === undefined) return [];
  const unused =
    sslmode === "disable"
      ? "has no effect with sslmode disable: set sslmode to verify-full, or remove sslrootcert"
      : undefined;
  const message = rootCertificateProblem(sslrootcert) ?? unused;
  return message === undefined ? [] : [{ path: ["sslrootcert"], message }];
}

/** The version of the package, which is the plugin's too. */
function packageVersion(): string {
  for (const path of ["../package.json", "../../package.json"]) {
    try {
      const file = readFileSync(new URL(path, import.meta.url), "utf8");
      return (JSON.parse(file) as { version: string }).version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  throw new Error("the package.json of app-roles is missing next to the plugin");
}
