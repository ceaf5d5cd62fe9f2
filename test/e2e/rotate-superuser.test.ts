import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { startDocker } from "../../sandbox/docker/daemon.ts";
import { makeServiceImage, serviceImage } from "../../sandbox/docker/image.ts";
import { run } from "../../sandbox/process.ts";
import { createEstate, type Estate } from "./estate.ts";
import { placesOfPasswords } from "./password-search.ts";

const started = await startDocker();
const daemon = typeof started === "string" ? undefined : started;
let estate: Estate;
let previous: string;
let payroll: pg.Client;
interface StackFile {
  config: { "app-roles:services": Record<"gateway", { database: string }> };
}
/** The whole output of the command. */
const said: string[] = [];

const command = ["bin/app-roles.js", "rotate-superuser", "--watch", "0"];
const names = ["dashboard_api", "ingest_worker", "worker", "webhook_receiver", "gateway", "cron"].map(
  (name) => `service/${name}`,
);
/** With a daemon: a container that holds the password; otherwise containers cannot be inspected. */
const docker = daemon ? "container/payroll" : "docker";
const accepted = ["session/payroll@127.0.0.1", docker, ...names].flatMap((name) => ["--accept", name]);

const rotate = async (...args: string[]) => {
  const { code, stdout, stderr } = await run("node", [...command, ...args], {
    cwd: estate.sandbox.dir,
    env: estate.sandbox.env,
  });
  said.push(stdout, stderr);
  return { code, text: `${stdout}${stderr}` };
};

const letsIn = (password: string) =>
  estate.query("postgres", "SELECT", { user: "postgres", password }).then(
    () => "in",
    ({ code }: { code?: string }) => code,
  );

const stackFile = () => readFile(join(estate.sandbox.dir, "Pulumi.prod.yaml"), "utf8");

beforeAll(async () => {
  estate = await createEstate();
  previous = estate.postgres.password;
  await estate.pulumi(["config", "set", "docker:host", daemon?.host ?? `unix://${estate.sandbox.dir}/no.sock`]);
  // A service that stores its own URL.
  await writeFile(join(estate.sandbox.dir, "cron.url"), estate.postgres.url("fleet_platform"));
  const keep = `#!/bin/sh
case $2 in read) cat ./cron.url ;; write) cat > ./cron.url ;; deploy) cp ./cron.url ./cron.running ;; esac
`;
  await writeFile(join(estate.sandbox.dir, "keep.sh"), keep, { mode: 0o755 });
  await estate.sandbox.setConfig("services.cron.runtime", "command");
  await estate.sandbox.setConfig("services.cron.command", { path: "./keep.sh" });
  const { database } = (parse(await stackFile()) as StackFile).config["app-roles:services"].gateway;
  const given = { gateway: { legacyUrl: `${estate.postgres.url(database)}?application_name=gateway` } };
  await estate.sandbox.setSecret("serviceSecrets", given);
  await estate.up();
  payroll = new pg.Client({ connectionString: estate.postgres.url(), application_name: "payroll" });
  payroll.on("error", () => undefined);
  await payroll.connect();
  if (!daemon) return;
  await makeServiceImage(daemon.host);
  const Env = [`DATABASE_URL=${estate.postgres.url("tracksolid_db")}`];
  await daemon.docker.createContainer({ name: "payroll", Image: serviceImage, Env });
});
afterAll(async () => {
  await payroll?.end();
  await estate?.remove();
  await daemon?.stop();
});

test("all users of the password are listed, and nothing is changed until each is accepted", async () => {
  const { code, text } = await rotate();
  expect(code).toBe(1);
  for (const name of names) expect(text).toContain(`  ${name}\n      is on legacy and logs in as postgres`);
  expect(text).toMatch(/session\/payroll@127\.0\.0\.1\n +1 session in postgres/);
  if (daemon) expect(text).toContain("container/payroll\n      DATABASE_URL holds this password (created)");
  else expect(text).toContain("docker\n      no container could be inspected");
  expect(text).toMatch(/service\/cron\n +is on legacy and logs in as postgres \(what \.\/keep\.sh reads\)/);
  const all = await rotate(...accepted.slice(2), "--yes");
  expect(all).toEqual({
    code: 1,
    text: expect.stringContaining("1 of 8 are not accepted: session/payroll@127.0.0.1."),
  });
  expect(all.text).toContain("npx app-roles rotate-superuser --watch 0min --accept ");
  expect((await rotate(...accepted)).text).toContain("--yes is required without a terminal");
  expect(await letsIn(previous)).toBe("in");
  expect(await stackFile()).not.toMatch(/app-roles:(a|pendingA)dminPassword:/);
});

test("a running up, and a change of connectAs that no up has applied, are refused first", async () => {
  const folder = join(estate.sandbox.backend, ".pulumi/locks/organization/app-roles/prod");
  const held = { pid: process.pid, username: "anna", hostname: hostname(), timestamp: "2026-06-20T10:00:00Z" };
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "one.json"), JSON.stringify(held));
  expect((await rotate(...accepted, "--yes")).text).toMatch(
    /nothing was changed:\nlock: held by anna[\s\S]*then run this again/,
  );
  await rm(folder, { recursive: true });

  await estate.sandbox.setConfig("services.dashboard_api.connectAs", "role");
  expect((await rotate(...accepted, "--yes")).text).toMatch(/nothing was changed: connectAs of dashboard_api was set/);
  await estate.sandbox.setConfig("services.dashboard_api.connectAs", "legacy");
});

test("killed after the change, the next run finishes: the new password works, the previous is refused, a preview is clean", async () => {
  const child = spawn("node", [...command, ...accepted, "--yes"], { cwd: estate.sandbox.dir, env: estate.sandbox.env });
  for await (const chunk of child.stdout.setEncoding("utf8")) {
    said.push(chunk as string);
    if (!String(chunk).includes("is set on the server")) continue;
    child.kill("SIGKILL");
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  expect(child.signalCode).toBe("SIGKILL");
  expect(await letsIn(previous)).toBe("28P01");
  expect(await stackFile()).toContain("app-roles:pendingAdminPassword:");

  const { code, text } = await rotate("--yes");
  expect({ code, text }).toEqual({ code: 0, text: expect.stringContaining("An earlier run has set the new password") });
  expect(text).toMatch(/a login with the new password works and one with the previous is refused/);
  expect(text).toContain("restart worker with its new URL: npx app-roles env worker");
  expect(text).toContain("unset PGPASSWORD");
  expect(await stackFile()).not.toContain("pendingAdminPassword");

  const { stdout } = await estate.sandbox.pulumi(["config", "get", "app-roles:adminPassword"]);
  const next = stdout.trim();
  expect([next, await letsIn(next), await letsIn(previous)]).toEqual([
    expect.stringMatching(/^[0-9a-f]{48}$/),
    "in",
    "28P01",
  ]);
  const urls = await estate.databaseUrls();
  expect(urls.worker).toContain(`postgres:${next}@`);
  // On legacy with their own URLs: one found by its command, which is restarted, and one configured.
  const running = await readFile(join(estate.sandbox.dir, "cron.running"), "utf8");
  expect([running, urls.cron]).toEqual([expect.stringContaining(`postgres:${next}@`), running]);
  expect(urls.gateway).toMatch(new RegExp(`postgres:${next}@.*[?]application_name=gateway$`));
  expect(text).toContain("restart gateway with its new URL: npx app-roles env gateway");
  expect(text).toMatch(/The new password was also set in the recorded legacy URLs of (cron, gateway|gateway, cron)\./);
  // PGPASSWORD is still the previous one: the stack's own takes precedence.
  await estate.pulumi(["preview", "--expect-no-changes"]);

  const places = [...said, ...estate.printed, await stackFile()].map((text, i) => ({ path: `output ${i}`, text }));
  expect(placesOfPasswords([previous, next], places)).toEqual([]);
});
