import { readFileSync } from "node:fs";
import { z } from "zod";
import { PreviousOwners } from "./baseline/previous-owners.ts";
import { configuration } from "./configuration.ts";
import { lazyResource } from "./lazy-resource.ts";
import { Server } from "./postgres/connection.ts";
import { rootCertificateProblem } from "./postgres/root-certificate.ts";
import type { Provider } from "./rpc/provider.ts";
import { reveal, Unknown } from "./rpc/values.ts";

const schema = z.object(configuration);

/** The resource plugin `pgaccess`: management of a Postgres server that no official provider offers. */
export function pgaccess(): Provider {
  const server = new Server();
  // Services whose previous container was set aside in this up.
  const setAside = new Set<string>();
  const previousOwners = new PreviousOwners();
  const resources = {
    "pgaccess:index:Baseline": lazyResource(async () =>
      (await import("./baseline/resource.ts")).baseline(server, previousOwners),
    ),
    "pgaccess:index:ConnectionBudget": lazyResource(async () =>
      (await import("./budget/resource.ts")).connectionBudget(server),
    ),
    "pgaccess:index:Rehearsal": lazyResource(async () => (await import("./rehearsal/resource.ts")).rehearsal(server)),
    "pgaccess:index:LoginTurn": lazyResource(async () =>
      (await import("./cutover/turns/resource.ts")).loginTurn(server),
    ),
    "pgaccess:index:RoleSettings": lazyResource(async () =>
      (await import("./settings/resource.ts")).roleSettings(server),
    ),
    "pgaccess:index:ExistingRole": lazyResource(async () =>
      (await import("./existing-role/resource.ts")).existingRole(server),
    ),
    "pgaccess:index:Privileges": lazyResource(async () =>
      (await import("./privileges/resource.ts")).privileges(server, undefined, previousOwners),
    ),
    "pgaccess:index:Ownership": lazyResource(async () => (await import("./ownership/resource.ts")).ownership(server)),
    "pgaccess:index:PublicPrivileges": lazyResource(async () =>
      (await import("./public-privileges/resource.ts")).publicPrivileges(server),
    ),
    "pgaccess:index:Cutovers": lazyResource(async () => (await import("./cutover/limit/resource.ts")).cutovers()),
    "pgaccess:index:LegacyUrl": lazyResource(async () => (await import("./legacy-url/resource.ts")).legacyUrl()),
    "pgaccess:index:ServiceUrl": lazyResource(async () =>
      (await import("./service-url/resource.ts")).serviceUrl(server),
    ),
    "pgaccess:index:ContainerName": lazyResource(async () =>
      (await import("./container-name/resource.ts")).containerName(setAside),
    ),
    "pgaccess:index:RollbackScript": lazyResource(async () =>
      (await import("./rollback-kit/resource.ts")).rollbackScript(),
    ),
    "pgaccess:index:ServiceEnv": lazyResource(async () => (await import("./service-env/resource.ts")).serviceEnv()),
    "pgaccess:index:CutoverGate": lazyResource(async () =>
      (await import("./cutover/gate/resource.ts")).cutoverGate(server),
    ),
    "pgaccess:index:DestroyGuard": lazyResource(async () =>
      (await import("./destroy-guard/resource.ts")).destroyGuard(server),
    ),
  };
  const version = packageVersion();
  return {
    name: "pgaccess",
    version,
    async schema() {
      const { packageSchema } = await import("./package-schema.ts");
      return packageSchema(version, await Promise.all(Object.values(resources).map(({ contract }) => contract())));
    },

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

    resources,

    functions: {
      "pgaccess:index:awaitRole": async (args, context) =>
        (await import("./functions/await-role.ts")).awaitRole(server)(args, context),
      "pgaccess:index:bringContainerBack": async (args, context) =>
        (await import("./functions/bring-container-back.ts")).bringContainerBack(setAside)(args, context),
      "pgaccess:index:dropLeftoverRole": async (args, context) =>
        (await import("./functions/drop-leftover-role.ts")).dropLeftoverRole(server)(args, context),
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

/** The version of the package, which is the plugin's too. The plugin is in provider/, dist/provider/ or dist/bundle/plugin/. */
function packageVersion(): string {
  for (const path of ["../package.json", "../../package.json", "../../../package.json"]) {
    try {
      const file = readFileSync(new URL(path, import.meta.url), "utf8");
      return (JSON.parse(file) as { version: string }).version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  throw new Error("the package.json of app-roles is missing next to the plugin");
}
