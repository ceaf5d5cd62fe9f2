import { existsSync, realpathSync } from "node:fs";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startDocker } from "../../sandbox/docker/daemon.ts";
import { makeServiceImage, serviceImage } from "../../sandbox/docker/image.ts";
import { run } from "../../sandbox/process.ts";
import { createEstate, type Estate } from "./estate.ts";

const started = await startDocker();
const why = typeof started === "string" ? started : undefined;
const project = fileURLToPath(new URL("../..", import.meta.url));
/** Packages may be linked from elsewhere. */
const mounted = [...new Set([project, realpathSync(join(project, "node_modules"))])];
const services = ["dashboard_api", "worker"] as const;

describe.skipIf(why !== undefined)(`services in containers of the stack${why ? ` (skipped: ${why})` : ""}`, () => {
  const daemon = started as Exclude<typeof started, string>;
  let estate: Estate;
  let folder: string;

  beforeAll(async () => {
    await makeServiceImage(daemon.host);
    folder = await mkdtemp(join(tmpdir(), "app-roles-hba-"));
    const hba = join(folder, "pg_hba.conf");
    const lines = ["127.0.0.1/32", daemon.subnet].map((from) => `host all all ${from} scram-sha-256\n`);
    await writeFile(hba, lines.join(""));
    await chmod(folder, 0o755);
    estate = await createEstate({ listen_addresses: `127.0.0.1,${daemon.gateway}`, hba_file: hba });
    await estate.pulumi(["config", "set", "docker:host", daemon.host]);
    await estate.sandbox.setConfig("server.host", daemon.gateway);
    await estate.sandbox.setConfig("server.port", estate.postgres.port);
    await estate.sandbox.setConfig("rollbackKit", join(folder, "kit"));
    for (const name of services) {
      const main = join(project, "sandbox/legacy/services/main.ts");
      await estate.sandbox.setConfig(`services.${name}.runtime`, "container");
      await estate.sandbox.setConfig(`services.${name}.container`, {
        image: serviceImage,
        command: [main, name, "--pool", "2"],
        networks: [daemon.network],
        volumes: mounted.map((path) => `${path}:${path}:ro`),
        env: { LEVEL: "info" },
        stopGracePeriod: "5s",
      });
      await estate.sandbox.setConfig(`services.${name}.gate`, { timeout: "60s", soak: "1s" });
    }
  });
  afterAll(async () => {
    await estate?.remove();
    await daemon.stop();
    if (folder) await rm(folder, { recursive: true });
  });

  /** The foreign container. */
  const byHand = () => `${estate.postgres.url("tracksolid_db").replace("127.0.0.1", daemon.gateway)}?x=%20by%20hand`;

  /** Users of the containers' sessions, by service. */
  const users = async () => {
    const rows = await estate.query<{ service: string; user: string }>(
      "postgres",
      `SELECT DISTINCT application_name AS service, usename AS user FROM pg_stat_activity
       WHERE application_name IN ('dashboard_api', 'worker') AND client_addr <> '127.0.0.1' ORDER BY 1`,
    );
    return Object.fromEntries(rows.map(({ service, user }) => [service, user]));
  };

  test("replace a foreign container only on request, which is started again if theirs fails", async () => {
    const foreign = await daemon.docker.createContainer({
      name: "dashboard_api",
      Image: serviceImage,
      Cmd: ["-e", "setInterval(() => {}, 1000)"],
      Env: [`DATABASE_URL=${byHand()}`],
      Labels: { "com.docker.compose.project": "shop", "com.docker.compose.service": "api" },
    });
    await foreign.start();
    const isRunning = async () => (await foreign.inspect()).State.Running;
    const key = "services.dashboard_api.container";
    const { text } = await estate.pulumi(["preview"], { fails: true });
    expect(text).toContain(
      "the container dashboard_api exists and was not created by this stack (compose project shop, service api)",
    );

    await estate.sandbox.setConfig(`${key}.existing`, "replace");
    await estate.sandbox.setConfig(`${key}.entrypoint`, ["/no/such/program"]);
    expect((await estate.pulumi(["preview"])).text).toContain("stopped, and kept as dashboard_api-before-app-roles");
    expect(await isRunning()).toBe(true);
    const failed = await estate.pulumi(["up", "--yes", "--skip-preview"], { fails: true });
    expect(failed.text).toContain("dashboard_api: the previous container was restored and started");
    expect(await isRunning()).toBe(true);
    expect((await foreign.inspect()).Name).toBe("/dashboard_api");

    await estate.sandbox.setConfig(`${key}.entrypoint`, undefined);
    await estate.up();
    expect(await isRunning()).toBe(false);
    expect((await estate.databaseUrls()).dashboard_api).toBe(byHand());
    await expect.poll(users, { timeout: 60_000 }).toMatchObject({ dashboard_api: "postgres" });
  });

  test("are started with their URL, and a second up changes nothing", async () => {
    await estate.up();
    await expect.poll(users, { timeout: 60_000 }).toEqual({ dashboard_api: "postgres", worker: "postgres" });
    await estate.up(); // the worker has migrated as postgres meanwhile: what it made becomes the owner's
    await estate.pulumi(["preview", "--expect-no-changes"]);
  });

  test("are cut over and rolled back one by one", async () => {
    const idOf = async (name: string) => (await daemon.docker.getContainer(name).inspect()).Id;
    const worker = await idOf("worker");
    await estate.sandbox.setConfig("services.dashboard_api.connectAs", "role");
    const preview = await estate.preview();
    expect(preview).toContain('"app-roles.connect-as"');
    expect(await estate.up()).toMatch(/dashboard_api: healthy as dashboard_app for 1s, \d+ sessions?/);
    await expect.poll(users, { timeout: 60_000 }).toEqual({ dashboard_api: "dashboard_app", worker: "postgres" });
    expect(await idOf("worker")).toBe(worker);

    const script = join(folder, "kit", "dashboard_api.sh");
    const { code, stdout, stderr } = await run("env", ["-i", `PATH=${process.env.PATH}`, "sh", script]);
    estate.printed.push(stdout, stderr);
    expect({ code, said: stdout + stderr }).toEqual({
      code: 0,
      said: expect.stringContaining("with its legacy URL again"),
    });
    await expect.poll(users, { timeout: 60_000 }).toEqual({ dashboard_api: "postgres", worker: "postgres" });
    expect(await estate.preview()).toContain("the rollback script rolled dashboard_api back to its legacy URL");

    await estate.sandbox.setConfig("services.dashboard_api.connectAs", "legacy");
    await estate.up();
    await expect.poll(users, { timeout: 60_000 }).toEqual({ dashboard_api: "postgres", worker: "postgres" });
    expect(await idOf("worker")).toBe(worker);
    expect((await daemon.docker.getContainer("dashboard_api").inspect()).Config.Labels).not.toHaveProperty(
      "app-roles.rollback",
    );
    expect(existsSync(script)).toBe(false);
    await estate.pulumi(["preview", "--expect-no-changes"]);
  });

  test("a manually stopped or removed container is detected, and created again by the next up", async () => {
    await daemon.docker.getContainer("worker").remove({ force: true });
    expect(await estate.preview()).toContain("1 to create");
    await estate.up();
    await expect.poll(users, { timeout: 60_000 }).toEqual({ dashboard_api: "postgres", worker: "postgres" });
  });

  test("no password is printed; destroy removes the containers and restores the foreign one", async () => {
    const passwords = [estate.postgres.password, ...(await estate.passwords())];
    for (const password of passwords) expect(estate.printed.join("\n")).not.toContain(password);
    await estate.pulumi(["destroy", "--yes", "--skip-preview"]);
    const left = await daemon.docker.listContainers({ all: true });
    expect(left.map(({ Names, State }) => [Names, State])).toEqual([[["/dashboard_api"], "running"]]);
    expect(left[0]?.Labels).toMatchObject({ "com.docker.compose.project": "shop" });
  });
});
