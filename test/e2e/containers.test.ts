import { realpathSync } from "node:fs";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startDocker } from "../../sandbox/docker/daemon.ts";
import { makeServiceImage, serviceImage } from "../../sandbox/docker/image.ts";
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
    await makeServiceImage(daemon.docker);
    folder = await mkdtemp(join(tmpdir(), "app-roles-hba-"));
    const hba = join(folder, "pg_hba.conf");
    const lines = ["127.0.0.1/32", daemon.subnet].map((from) => `host all all ${from} scram-sha-256\n`);
    await writeFile(hba, lines.join(""));
    await chmod(folder, 0o755);
    estate = await createEstate({ listen_addresses: `127.0.0.1,${daemon.gateway}`, hba_file: hba });
    await estate.pulumi(["config", "set", "docker:host", daemon.host]);
    await estate.sandbox.setConfig("server.host", daemon.gateway);
    await estate.sandbox.setConfig("server.port", estate.postgres.port);
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

  /** Who the containers log in as, by service. */
  const users = async () => {
    const rows = await estate.query<{ service: string; user: string }>(
      "postgres",
      `SELECT DISTINCT application_name AS service, usename AS user FROM pg_stat_activity
       WHERE application_name IN ('dashboard_api', 'worker') AND client_addr <> '127.0.0.1' ORDER BY 1`,
    );
    return Object.fromEntries(rows.map(({ service, user }) => [service, user]));
  };

  test("are started with their URL, and a second up has nothing to do", async () => {
    await estate.up();
    await expect.poll(users, { timeout: 60_000 }).toEqual({ dashboard_api: "postgres", worker: "postgres" });
    await estate.up(); // the worker has migrated as postgres meanwhile: what it made becomes the owner's
    await estate.pulumi(["preview", "--expect-no-changes"]);
  });

  test("are cut over one by one and go back, each alone", async () => {
    const idOf = async (name: string) => (await daemon.docker.getContainer(name).inspect()).Id;
    const worker = await idOf("worker");
    await estate.sandbox.setConfig("services.dashboard_api.connectAs", "role");
    const preview = await estate.preview();
    expect(preview).toContain('"app-roles.connect-as"');
    expect(await estate.up()).toMatch(/dashboard_api: well as dashboard_app for 1s, \d+ sessions?/);
    await expect.poll(users, { timeout: 60_000 }).toEqual({ dashboard_api: "dashboard_app", worker: "postgres" });
    expect(await idOf("worker")).toBe(worker);

    await estate.sandbox.setConfig("services.dashboard_api.connectAs", "legacy");
    await estate.up();
    await expect.poll(users, { timeout: 60_000 }).toEqual({ dashboard_api: "postgres", worker: "postgres" });
    expect(await idOf("worker")).toBe(worker);
  });

  test("a container that was stopped or removed by hand is seen, and is there again after the next up", async () => {
    await daemon.docker.getContainer("worker").remove({ force: true });
    expect(await estate.preview()).toContain("1 to create");
    await estate.up();
    await expect.poll(users, { timeout: 60_000 }).toEqual({ dashboard_api: "postgres", worker: "postgres" });
  });

  test("no password is printed, and destroy removes the containers", async () => {
    const passwords = [estate.postgres.password, ...(await estate.passwords())];
    for (const password of passwords) expect(estate.printed.join("\n")).not.toContain(password);
    await estate.pulumi(["destroy", "--yes", "--skip-preview"]);
    expect(await daemon.docker.listContainers({ all: true })).toEqual([]);
  });
});
