import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CommandServices } from "../e2e/command-services.ts";
import { createEstate, type Estate } from "../e2e/estate.ts";
import { bounds } from "./bounds.ts";
import { type Moment, moments, type Operation, type Victim } from "./moments.ts";

const databases = ["tracksolid_db", "fleet_platform"];

let estate: Estate;
let services: CommandServices;
let before: Awaited<ReturnType<Estate["observe"]>>;
/** The state without the stack, as after a destroy. */
let withoutStack: Set<string>;
beforeAll(async () => {
  estate = await createEstate({}, { pluginProcess: true });
  before = await estate.observe();
  withoutStack = await privileges();
  services = await CommandServices.declare(estate, { timeout: "20s", soak: "0s" });
  await estate.up();
});
afterAll(async () => {
  await services?.stop();
  await estate?.remove();
});

/** The command line of an operation on dashboard_api, its role, or the stack. */
function commandOf(operation: Operation): [string, string[]] {
  const noQuestions = ["--yes", "--skip-preview", "--non-interactive"];
  if (operation === "up" || operation === "destroy") return ["pulumi", [operation, ...noQuestions]];
  const subject = operation === "rotate" ? ["dashboard_app"] : ["dashboard_api"];
  return ["node", ["bin/app-roles.js", operation, ...subject]];
}

/** Prepares the operation so that it has something to do. */
async function prepare(operation: Operation): Promise<void> {
  if (operation === "up" || operation === "destroy") {
    // An object and a privilege changed manually: the up fixes both.
    await estate.query("tracksolid_db", "ALTER TABLE tickets.tickets OWNER TO postgres");
    await estate.query("tracksolid_db", "REVOKE SELECT ON tickets.tickets FROM dashboard_app");
    return;
  }
  const wanted = operation === "cutover" ? "legacy" : "role";
  if (switchOf("dashboard_api") === wanted) return;
  await estate.sandbox.setConfig("services.dashboard_api.connectAs", wanted);
  await estate.up();
}

function switchOf(service: string): string | undefined {
  const text = readFileSync(services.at("Pulumi.prod.yaml"), "utf8");
  return new RegExp(`^ +${service}:\\n(?: {6,}.*\\n)*? +connectAs: (\\w+)$`, "m").exec(text)?.[1];
}

/** A process and all its descendants. */
function familyOf(pid: number): { pid: number; args: string }[] {
  const rows = execFileSync("ps", ["-eo", "pid=,ppid=,args="], { encoding: "utf8" }).trim().split("\n");
  const processes = rows.flatMap((row) => {
    const [, own, parent, args] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(row) ?? [];
    return args === undefined ? [] : [{ pid: Number(own), parent: Number(parent), args }];
  });
  const family = processes.filter((each) => each.pid === pid);
  for (const each of family) family.push(...processes.filter(({ parent }) => parent === each.pid));
  return family;
}

async function kill(victim: Victim, pid: number): Promise<void> {
  if (victim === "server") {
    // The server ends every session and recovers when one of its processes crashes.
    const session = new pg.Client({ connectionString: estate.postgres.url() });
    session.on("error", () => undefined);
    await session.connect();
    const { rows } = await session.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
    for (const { pid: backend } of rows) process.kill(backend, "SIGKILL");
    return;
  }
  const isVictim = ({ args }: { args: string }) =>
    victim === "engine"
      ? /(^|\/)pulumi (up|destroy|stack|config)/.test(args)
      : args.includes("pulumi-resource-pgaccess");
  for (const each of familyOf(pid).filter(isVictim)) {
    try {
      process.kill(each.pid, "SIGKILL");
    } catch {
      // It has already exited.
    }
  }
}

const lives = () =>
  estate.query("postgres", "SELECT 1").then(
    () => true,
    () => false,
  );
const sessionsOfTheStack = () =>
  estate
    .query("postgres", "SELECT query FROM pg_stat_activity WHERE application_name = 'app-roles'")
    .catch(() => ["down"]);
const locks = () => estate.query("postgres", "SELECT 1 FROM pg_locks WHERE locktype = 'advisory'");

/** The privileges of every role, to compare two moments. */
async function privileges(): Promise<Set<string>> {
  const found = new Set<string>();
  for (const database of databases) {
    const rows = await estate.query<{ entry: string }>(
      database,
      `SELECT format('%s %s %s %s %s', a.kind, a.name, CASE e.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(e.grantee) END,
                     e.privilege_type, e.is_grantable) AS entry
       FROM (SELECT 'relation' AS kind, oid::regclass::text AS name, coalesce(relacl, acldefault((CASE relkind WHEN 'S' THEN 's' ELSE 'r' END)::"char", relowner)) AS acl
             FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'S') AND relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
             UNION ALL SELECT 'schema', nspname, coalesce(nspacl, acldefault('n', nspowner)) FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)'
             UNION ALL SELECT 'routine', oid::regprocedure::text, coalesce(proacl, acldefault('f', proowner)) FROM pg_proc
             WHERE pronamespace::regnamespace::text !~ '^(pg_|information_schema)'
             UNION ALL SELECT 'database', datname, coalesce(datacl, acldefault('d', datdba)) FROM pg_database) a
       CROSS JOIN LATERAL aclexplode(a.acl) e
       UNION ALL SELECT format('role %s %s %s %s', rolname, rolsuper, rolcreaterole, rolbypassrls) FROM pg_roles
       UNION ALL SELECT format('member %s %s', roleid::regrole, member::regrole) FROM pg_auth_members`,
    );
    for (const { entry } of rows) found.add(`${database}: ${entry}`);
  }
  return found;
}

/** Privileges that existed in between, but neither before nor after. */
async function crashAt({ operation, victim, after }: Moment): Promise<string[]> {
  const atFirst = await privileges();
  const [command, args] = commandOf(operation);
  const child = spawn(command, args, { cwd: estate.sandbox.dir, env: estate.sandbox.env, stdio: "ignore" });
  const closed = once(child, "close");
  await Promise.race([sleep(after), closed]);
  if (child.exitCode === null) await kill(victim, child.pid as number);
  await closed;
  await expect.poll(lives, { timeout: 30_000 }).toBe(true);
  await expect.poll(sessionsOfTheStack, { timeout: 30_000 }).toEqual([]);
  expect(await locks(), "no lock is left").toEqual([]);
  const amid = await privileges();
  // Pulumi's lock, which a killed engine leaves behind.
  await estate.sandbox.pulumi(["cancel", "--yes"]);
  await estate.up();
  await estate.pulumi(["preview", "--expect-no-changes"]);
  const ends = [atFirst, await privileges(), ...(operation === "destroy" ? [withoutStack] : [])];
  return [...amid].filter((entry) => !ends.some((end) => end.has(entry)));
}

const { seed, numRuns } = bounds(6);

test(
  `killed at ${numRuns} moments of up, cutover, rotate, rollback and destroy (seed ${seed}): one up makes all as declared`,
  async () => {
    for (const moment of moments(seed, numRuns)) {
      const what = `${moment.operation}, ${moment.victim} killed after ${moment.after} ms`;
      await prepare(moment.operation);
      expect(await crashAt(moment), `${what}: no privilege was wider than before or after`).toEqual([]);
      const isOnRole = switchOf("dashboard_api") === "role";
      expect(services.user("dashboard_api"), what).toBe(isOnRole ? "dashboard_app" : "postgres");
      for (const url of Object.values(await estate.databaseUrls())) {
        const client = new pg.Client({ connectionString: url });
        await client.connect();
        await client.end();
      }
    }
    await estate.sandbox.setConfig("services.dashboard_api.connectAs", "legacy");
    await estate.up();
    await services.disconnect();
    await estate.pulumi(["destroy", "--yes", "--skip-preview"]);
    expect(await estate.observe()).toEqual(before);
  },
  numRuns * 120_000,
);
