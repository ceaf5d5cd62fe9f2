import { realpathSync } from "node:fs";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startDocker } from "../../sandbox/docker/daemon.ts";
import { makeServiceImage, serviceImage } from "../../sandbox/docker/image.ts";
import { type Swarm, startSwarm } from "../../sandbox/docker/swarm.ts";
import { createEstate, type Estate } from "./estate.ts";

const started = await startDocker();
const why = typeof started === "string" ? started : undefined;
const project = fileURLToPath(new URL("../..", import.meta.url));
/** Packages can be symbolic links. */
const mounted = [...new Set([project, realpathSync(join(project, "node_modules"))])];
const main = join(project, "sandbox/legacy/services/main.ts");
const service = "services.dashboard_api";

describe.skipIf(why !== undefined)(`a service of a swarm${why ? ` (skipped: ${why})` : ""}`, () => {
  const daemon = started as Exclude<typeof started, string>;
  let swarm: Swarm;
  let estate: Estate;
  let folder: string;

  beforeAll(async () => {
    await makeServiceImage(daemon.host);
    swarm = await startSwarm(daemon);
    folder = await mkdtemp(join(tmpdir(), "app-roles-hba-"));
    const hba = join(folder, "pg_hba.conf");
    const lines = ["127.0.0.1/32", swarm.subnet].map((from) => `host all all ${from} scram-sha-256\n`);
    await writeFile(hba, lines.join(""));
    await chmod(folder, 0o755);
    estate = await createEstate({ listen_addresses: `127.0.0.1,${daemon.gateway}`, hba_file: hba });
    await estate.pulumi(["config", "set", "docker:host", daemon.host]);
    await estate.sandbox.setConfig("server.host", daemon.gateway);
    await estate.sandbox.setConfig("server.port", estate.postgres.port);
    await estate.sandbox.setConfig(`${service}.runtime`, "swarm");
    await estate.sandbox.setConfig(`${service}.urlFrom`, "file");
    await estate.sandbox.setConfig(`${service}.pool`, { max: 2, replicas: 2, surge: 1 });
    await estate.sandbox.setConfig(`${service}.gate`, { timeout: "60s", soak: "1s" });
    await command("--pool", "2");
  });
  afterAll(async () => {
    await estate?.remove();
    await swarm?.leave();
    await daemon.stop();
    if (folder) await rm(folder, { recursive: true });
  });

  const command = (...options: string[]) =>
    estate.sandbox.setConfig(`${service}.container`, {
      image: serviceImage,
      command: [main, "dashboard_api", ...options],
      networks: [swarm.network],
      volumes: mounted.map((path) => `${path}:${path}:ro`),
      stopGracePeriod: "10s",
    });

  /** Users of its replicas' sessions, including replicas that are stopping. */
  const users = async () => {
    const rows = await estate.query<{ user: string }>(
      "postgres",
      `SELECT DISTINCT usename AS user FROM pg_stat_activity
       WHERE application_name = 'dashboard_api' AND client_addr <> '127.0.0.1' ORDER BY 1`,
    );
    return rows.map(({ user }) => user);
  };
  const becomes = (user: string) => expect.poll(users, { timeout: 60_000 }).toEqual([user]);
  /** Of all its containers: the log of a swarm service can hang on finished tasks. */
  const log = async () => {
    const filters = { label: ["app-roles.service=dashboard_api"] };
    const containers = await daemon.docker.listContainers({ all: true, filters });
    const logs = containers.map(({ Id }) => daemon.docker.getContainer(Id).logs({ stdout: true, stderr: true }));
    return (await Promise.all(logs)).map(String).join("");
  };
  const count = async (event: string) => (await log()).split(`"event":"${event}"`).length - 1;
  const id = async () => (await daemon.docker.getService("dashboard_api").inspect()).ID;
  const secrets = async () => (await daemon.docker.listSecrets()).length;

  test("is started with its URL in a secret's file, and a second up changes nothing", async () => {
    expect(await estate.up()).toContain("has no digest");
    await becomes("postgres");
    const { Spec } = await daemon.docker.getService("dashboard_api").inspect();
    expect(JSON.stringify(Spec)).not.toContain(estate.postgres.password);
    await estate.pulumi(["preview", "--expect-no-changes"]);
  });

  test("is cut over and rolled back, and no request fails", async () => {
    const before = await id();
    await estate.sandbox.setConfig(`${service}.connectAs`, "role");
    expect(await estate.preview()).toContain('"app-roles.connect-as"');
    expect(await estate.up()).toMatch(/dashboard_api: healthy as dashboard_app for 1s, \d+ sessions?/);
    await becomes("dashboard_app");
    expect(await secrets()).toBe(1);
    await estate.pulumi(["preview", "--expect-no-changes"]);

    await estate.sandbox.setConfig(`${service}.connectAs`, "legacy");
    await estate.up();
    await becomes("postgres");
    expect(await secrets()).toBe(1);
    // Updated, not replaced: a replacement would start after the old service is removed.
    expect(await id()).toBe(before);
    expect(await count("request served")).toBeGreaterThan(0);
    expect(await count("request failed")).toBe(0);
  });

  test("keeps running if its new replicas fail: the up fails, and the next one continues", async () => {
    const before = await id();
    await command("--pool", "none");
    await estate.sandbox.setConfig(`${service}.connectAs`, "role");
    const { text } = await estate.pulumi(["up", "--yes", "--skip-preview"], { fails: true });
    // The docker plugin counts running replicas, which can be old ones: then the gate detects it.
    expect(text).toMatch(/service rollback completed: |dashboard_api is not healthy as dashboard_app/);
    expect(await id()).toBe(before);
    await becomes("postgres");
    expect(await estate.databaseUrls()).toMatchObject({ dashboard_api: expect.stringContaining("postgres:") });

    await estate.sandbox.setConfig(`${service}.connectAs`, "legacy");
    await command("--pool", "2");
    await estate.up();
    await becomes("postgres");
    expect(await secrets()).toBe(1);
    await estate.pulumi(["preview", "--expect-no-changes"]);
    expect(await count("request failed")).toBe(0);
  });

  test("that was scaled manually is detected, and fixed", async () => {
    const live = daemon.docker.getService("dashboard_api");
    const { Version, Spec } = await live.inspect();
    await live.update({ version: Version.Index, ...Spec, Mode: { Replicated: { Replicas: 1 } } });
    expect(await estate.preview()).toMatch(/replicas\s*: 1 => 2/);
    await estate.up();
    expect((await live.inspect()).Spec.Mode).toEqual({ Replicated: { Replicas: 2 } });
  });

  test("no password is printed, and destroy removes service and secret", async () => {
    const passwords = [estate.postgres.password, ...(await estate.passwords())];
    for (const password of passwords) {
      expect(estate.printed.join("\n")).not.toContain(password);
      expect(estate.printed.join("\n")).not.toContain(Buffer.from(password).toString("base64").slice(0, -4));
    }
    await estate.pulumi(["destroy", "--yes", "--skip-preview"]);
    expect(await daemon.docker.listServices()).toEqual([]);
    expect(await secrets()).toBe(0);
  });
});
