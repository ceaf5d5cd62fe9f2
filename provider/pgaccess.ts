import { readFileSync } from "node:fs";
import { z } from "zod";
import { FormerOwners } from "./baseline/previous-owners.ts";
import { baseline } from "./baseline/resource.ts";
import { connectionBudget } from "./budget/resource.ts";
import { containerName } from "./container-name/resource.ts";
import { cutoverGate } from "./cutover/gate/resource.ts";
import { cutovers } from "./cutover/limit/resource.ts";
import { loginTurn } from "./cutover/turns/resource.ts";
import { destroyGuard } from "./destroy-guard/resource.ts";
import { existingRole } from "./existing-role/resource.ts";
import { awaitRole } from "./functions/await-role.ts";
import { bringContainerBack } from "./functions/bring-container-back.ts";
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

/** Provider configuration; Pulumi hands every value over as text. */
const configShape = {
  host: z.string(),
  port: z.coerce.number().int().min(1).max(65535),
  user: z.string(),
  password: z.string().default(""),
  database: z.string(),
  sslmode: z.enum(["disable", "require", "verify-ca", "verify-full"]),
  sslrootcert: z.string().optional(),
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
      const issues = parsed.success ? certificateIssues(parsed.data) : parsed.error.issues;
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

/** Looked for once: a provider that is taken from the state is configured without a check, and must work for a way back. */
function certificateIssues({ sslmode, sslrootcert }: z.output<typeof configSchema>) {
  if (sslrootcert === undefined) return [];
  const unused =
    sslmode === "disable" ? "has no effect with sslmode disable; give verify-full, or leave it out" : undefined;
  const message = rootCertificateProblem(sslrootcert) ?? unused;
  return message === undefined ? [] : [{ path: ["sslrootcert"], message }];
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
