import type { Pool } from "../../../model/pool.ts";
import type { Need } from "../evidence.ts";
import type { SeenService } from "../services.ts";
import type { Decide, Findings, ProposedConfig, WithRole } from "./config.ts";

export function serviceOf(
  { server }: Findings,
  { seen, need, role }: WithRole,
  pool: Pool | undefined,
  decide: Decide,
): ProposedConfig["services"][string] {
  const path = ["services", seen.name];
  const keys = seen.container?.urlKeys ?? [];
  const fitting = keys.filter(({ database }) => database === seen.database);
  const candidates = fitting.length > 0 ? fitting : keys;
  const [urlKey] = candidates;
  if (seen.nameProblem !== undefined) decide(path, `Name this service: ${seen.nameProblem}.`);
  if (seen.container && candidates.length !== 1) {
    decide(
      path,
      candidates.length === 0
        ? `No variable of the container ${seen.container.name} holds a Postgres URL: set urlKey, or tell how it gets its login.`
        : `Several variables of the container ${seen.container.name} hold a Postgres URL: ${candidates.map(({ name }) => name).join(", ")}.`,
    );
  }
  const admin = server.isSuperuser ? server.user : server.admin;
  if (seen.user !== admin) {
    decide(
      path,
      `It logs in as ${seen.user}: set serviceSecrets.${seen.name}.legacyUrl, since the default is the login of ${admin}.`,
    );
  }
  if (need.migrates === "unconfirmed") {
    const command = `app-roles confirm ${seen.name} --migrates false --because "..."`;
    decide([...path, "migrates"], unconfirmedText(seen, need), command);
  }
  if (seen.container?.compose) {
    const { service, files } = seen.container.compose;
    decide(
      [...path, "runtime"],
      `Compose runs it: runtime: compose, compose: {files: [${files.join(", ")}], service: ${service}, envFile: <the file with its ${urlKey?.name ?? "URL"}>} lets the stack restart it.`,
    );
  }
  return {
    database: seen.database,
    role,
    connectAs: "legacy",
    ...(urlKey && urlKey.name !== "DATABASE_URL" && { urlKey: urlKey.name }),
    migrates: need.migrates,
    pool: pool ?? { max: 1, replicas: seen.replicas, surge: 0 },
    runtime: "external",
  };
}

function unconfirmedText({ startedAt, container }: SeenService, { reasons }: Need): string {
  const hidden = reasons.find(({ subject }) => subject === "hides DDL");
  if (hidden) {
    return `Not confirmed: no DDL was seen, and its start was watched, but ${hidden.what} can hide it. Read its start command.`;
  }
  const isSilent = reasons.length === 0;
  const why = isSilent ? "none of its statements was seen" : "no DDL was seen";
  const start = startedAt || isSilent ? "" : ", but its start was not watched";
  const restart = container
    ? "Restart it while discover watches with --log"
    : "Stop it, and start it while discover watches with --log (with --docker a restart is enough)";
  return `Not confirmed: ${why}${start}. ${restart}, or read its start command.`;
}
