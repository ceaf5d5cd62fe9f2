import { readFileSync } from "node:fs";
import { z } from "zod";
import { FormerOwners } from "./catalog/former-owners.ts";
import { PrivilegeReader } from "./catalog/privilege-reader.ts";
import { Server } from "./connection.ts";
import { awaitRole } from "./functions/await-role.ts";
import { bringContainerBack } from "./functions/bring-container-back.ts";
import { dropLeftoverRole } from "./functions/drop-leftover-role.ts";
import { baseline } from "./resources/baseline.ts";
import { connectionBudget } from "./resources/connection-budget.ts";
import { containerName } from "./resources/container-name.ts";
import { cutoverGate } from "./resources/cutover-gate.ts";
import { cutovers } from "./resources/cutovers.ts";
import { destroyGuard } from "./resources/destroy-guard.ts";
import { existingRole } from "./resources/existing-role.ts";
import { legacyUrl } from "./resources/legacy-url.ts";
import { loginTurn } from "./resources/login-turn.ts";
import { ownership } from "./resources/ownership.ts";
import { privileges } from "./resources/privileges.ts";
import { publicPrivileges } from "./resources/public-privileges.ts";
import { toResource } from "./resources/reconciler.ts";
import { rehearsal } from "./resources/rehearsal.ts";
import { roleSettings } from "./resources/role-settings.ts";
import { rollbackScript } from "./resources/rollback-script.ts";
import { serviceEnv } from "./resources/service-env.ts";
import { serviceUrl } from "./resources/service-url.ts";
import type { Provider } from "./rpc/provider.ts";
import { reveal, Unknown } from "./rpc/values.ts";
import { packageSchema } from "./schema.ts";

/** Provider configuration; Pulumi hands every value over as text. */
const configShape = {
  host: z.string(),
  port: z.coerce.number().int().min(1).max(65535),
  user: z.string(),
  password: z.string().default(""),
  database: z.string(),
  sslmode: z.enum(["disable", "require", "verify-ca", "verify-full"]),
};
const configSchema = z.object(configShape);

/** The resource plugin `pgaccess`: what no official provider does with a Postgres server. */
export function pgaccess(): Provider {
  const server = new Server();
  // Services whose former container was put aside in this run.
  const putAside = new Set<string>();
  const formerOwners = new FormerOwners();
  const reconcilers = {
    "pgaccess:index:Baseline": baseline(server, formerOwners),
    "pgaccess:index:ConnectionBudget": connectionBudget(server),
    "pgaccess:index:Rehearsal": rehearsal(server),
    "pgaccess:index:LoginTurn": loginTurn(server),
    "pgaccess:index:RoleSettings": roleSettings(server),
    "pgaccess:index:ExistingRole": existingRole(server),
    "pgaccess:index:Privileges": privileges(server, new PrivilegeReader(), formerOwners),
    "pgaccess:index:Ownership": ownership(server),
    "pgaccess:index:PublicPrivileges": publicPrivileges(server),
    "pgaccess:index:Cutovers": cutovers(),
    "pgaccess:index:LegacyUrl": legacyUrl(),
    "pgaccess:index:ServiceUrl": serviceUrl(server),
    "pgaccess:index:ContainerName": containerName(putAside),
    "pgaccess:index:RollbackScript": rollbackScript(),
    "pgaccess:index:ServiceEnv": serviceEnv(),
    "pgaccess:index:CutoverGate": cutoverGate(server),
    "pgaccess:index:DestroyGuard": destroyGuard(server),
  };
  const version = packageVersion();
  return {
    name: "pgaccess",
    version,
    schema: packageSchema(version, configShape, reconcilers, {
      config: ["password"],
      properties: ["password", "url", "legacyUrl", "given", "made", "env"],
    }),

    async checkConfig(news) {
      if (Object.values(news).some((value) => value instanceof Unknown)) return { inputs: news };
      const parsed = configSchema.safeParse(reveal(news));
      const issues = parsed.success ? [] : parsed.error.issues;
      const failures = issues.map(({ path, message }) => ({ property: path.join("."), reason: message }));
      return { inputs: news, failures };
    },

    async configure(config) {
      if (Object.values(config).some((value) => value instanceof Unknown)) return;
      server.configure(configSchema.parse(reveal(config)));
    },

    resources: {
      "pgaccess:index:Baseline": toResource(reconcilers["pgaccess:index:Baseline"]),
      "pgaccess:index:ConnectionBudget": toResource(reconcilers["pgaccess:index:ConnectionBudget"]),
      "pgaccess:index:Rehearsal": toResource(reconcilers["pgaccess:index:Rehearsal"]),
      "pgaccess:index:LoginTurn": toResource(reconcilers["pgaccess:index:LoginTurn"]),
      "pgaccess:index:RoleSettings": toResource(reconcilers["pgaccess:index:RoleSettings"]),
      "pgaccess:index:ExistingRole": toResource(reconcilers["pgaccess:index:ExistingRole"]),
      "pgaccess:index:Privileges": toResource(reconcilers["pgaccess:index:Privileges"]),
      "pgaccess:index:Ownership": toResource(reconcilers["pgaccess:index:Ownership"]),
      "pgaccess:index:PublicPrivileges": toResource(reconcilers["pgaccess:index:PublicPrivileges"]),
      "pgaccess:index:Cutovers": toResource(reconcilers["pgaccess:index:Cutovers"]),
      "pgaccess:index:LegacyUrl": toResource(reconcilers["pgaccess:index:LegacyUrl"]),
      "pgaccess:index:ServiceUrl": toResource(reconcilers["pgaccess:index:ServiceUrl"]),
      "pgaccess:index:ContainerName": toResource(reconcilers["pgaccess:index:ContainerName"]),
      "pgaccess:index:RollbackScript": toResource(reconcilers["pgaccess:index:RollbackScript"]),
      "pgaccess:index:ServiceEnv": toResource(reconcilers["pgaccess:index:ServiceEnv"]),
      "pgaccess:index:CutoverGate": toResource(reconcilers["pgaccess:index:CutoverGate"]),
      "pgaccess:index:DestroyGuard": toResource(reconcilers["pgaccess:index:DestroyGuard"]),
    },

    functions: {
      "pgaccess:index:awaitRole": awaitRole(server),
      "pgaccess:index:bringContainerBack": bringContainerBack(putAside),
      "pgaccess:index:dropLeftoverRole": dropLeftoverRole(server),
    },

    close: () => server.close(),
  };
}

/** One version for package and plugin. */
function packageVersion(): string {
  for (const path of ["../package.json", "../../package.json"]) {
    try {
      const file = readFileSync(new URL(path, import.meta.url), "utf8");
      return (JSON.parse(file) as { version: string }).version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  throw new Error("the package.json of app-roles is missing beside the plugin");
}
