/**
 * `node test/upgrade/record.ts VERSION`: saves what a released version leaves behind, for upgrade.test.ts: the stack's state, its
 * configuration, the files it wrote, and the statements that it ran on the server. Run it in a checkout of that version
 * (CONTRIBUTING.md). Passwords in it were generated for a server that no longer exists.
 */
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { createLegacyEstate } from "../../sandbox/legacy/index.ts";
import { startPostgres } from "../../sandbox/postgres/server.ts";
import { createSandbox } from "../../sandbox/project/sandbox.ts";
import { blanked, type Kept, type Place, preparation } from "./kept.ts";
import { committed, logLinePrefix } from "./statements.ts";

const version = process.argv[2];
if (version === undefined || !/^\d+\.\d+\.\d+$/.test(version)) throw new Error("usage: record.ts VERSION");

/** The command of dashboard_api: its URL is in a file, each deploy adds an x to another. */
const keep = `#!/bin/sh
case "$2" in
  read) cat "$1.url" ;;
  write) cat >"$1.url" ;;
  deploy) printf x >>"$1.deploys" ;;
esac
`;

const logFile = join(tmpdir(), `app-roles-record-${process.pid}.log`);
const postgres = await startPostgres({
  settings: { log_statement: "all", log_line_prefix: logLinePrefix },
  logFile,
});
await createLegacyEstate(postgres);
const sandbox = await createSandbox({ postgres });
const sessions: pg.Client[] = [];
const connect = async (database: string): Promise<pg.Client> => {
  const session = new pg.Client(postgres.url(database));
  await session.connect();
  sessions.push(session);
  return session;
};
try {
  const { dir, setConfig } = sandbox;
  const file = (name: string) => join(dir, name);
  const own = new Set(readdirSync(dir));
  writeFileSync(file("keep.sh"), keep);
  chmodSync(file("keep.sh"), 0o755);
  writeFileSync(file("dashboard_api.url"), postgres.url("tracksolid_db"));

  await (await connect("postgres")).query(preparation);
  await setConfig("databases.fleet_platform.revokeFromPublic", ["CONNECT"]);
  await setConfig("roles.dashboard_app.exclusive", true);
  await setConfig("roles.dashboard_app.grants.tracksolid_db.columns", { "tickets.tickets": { UPDATE: ["state"] } });
  await setConfig("roles.cron_app.rotation", "alternate");
  await setConfig("existingRoles.grafana_ro.enforce", true);
  await setConfig("existingRoles.analytics_ro", undefined);
  await setConfig("roles.analytics_ro", { connectionLimit: 8, adopt: true, access: { tracksolid_db: "reader" } });
  await setConfig("services.dashboard_api.runtime", "command");
  await setConfig("services.dashboard_api.command", { path: "./keep.sh" });
  await setConfig("services.dashboard_api.gate", { timeout: "60s", soak: "1s" });

  const pulumi = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await sandbox.pulumi(args);
    if (code !== 0) throw new Error(`pulumi ${args.join(" ")} failed (exit code ${code}):\n${stdout}${stderr}`);
    return stdout;
  };
  const up = () => pulumi("up", "--yes", "--skip-preview");
  const logged = statSync(logFile).size;
  await up();
  await setConfig("services.ingest_worker.connectAs", "role");
  await up();
  await setConfig("services.dashboard_api.connectAs", "role");
  const cutover = up();
  const deploys = () => (existsSync(file("dashboard_api.deploys")) ? statSync(file("dashboard_api.deploys")).size : 0);
  let failure: unknown;
  cutover.catch((error: unknown) => {
    failure = error;
  });
  while (deploys() === 0 && failure === undefined) await sleep(100);
  const service = new pg.Client(readFileSync(file("dashboard_api.url"), "utf8"));
  await service.connect();
  sessions.push(service);
  await cutover;
  const statements = committed(readFileSync(logFile, "utf8").slice(logged));
  await pulumi("preview", "--expect-no-changes");

  const place: Place = { dir, port: postgres.port, password: postgres.password };
  const { version: schema, deployment } = JSON.parse(
    await pulumi("stack", "export", "--show-secrets"),
  ) as Kept["state"];
  delete deployment.secrets_providers;
  // Where and when the program ran does not matter for the resources.
  for (const resource of deployment.resources as Record<string, unknown>[] & Kept["state"]["deployment"]["resources"]) {
    for (const key of ["created", "modified", "sourcePosition", "stackTrace"]) delete resource[key];
  }
  const files = Object.fromEntries(
    readdirSync(dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
      .filter((name) => !own.has(name.split("/")[0] as string))
      .map((name) => [name, { mode: statSync(file(name)).mode & 0o777, text: readFileSync(file(name), "utf8") }]),
  );
  const kept: Kept = {
    state: { version: schema, deployment },
    stackFile: readFileSync(file("Pulumi.prod.yaml"), "utf8").replace(/^encryptionsalt: .*\n/m, ""),
    files,
    statements,
  };
  const to = join(import.meta.dirname, `${version}.json`);
  writeFileSync(to, `${JSON.stringify(await blanked(kept, place, connect), null, 2)}\n`);
  console.log(`${to}: ${deployment.resources.length} resources, ${statements.length} statements`);
} finally {
  await Promise.all(sessions.map((session) => session.end()));
  await sandbox.remove();
  await postgres.stop();
}
