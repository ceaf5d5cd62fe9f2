import { realpathSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { installedComposes } from "../../docker/compose.ts";
import { startDocker } from "../../docker/daemon.ts";
import { makeServiceImage, serviceImage } from "../../docker/image.ts";
import { startSwarm } from "../../docker/swarm.ts";
import { createLegacyEstate } from "../../legacy/index.ts";
import { definitions, type ServiceName } from "../../legacy/services/definitions.ts";
import { startPostgres } from "../../postgres/server.ts";
import { run } from "../../process.ts";
import { createSandbox, type Sandbox } from "../../project/sandbox.ts";
import type { Play } from "../demo.ts";
import { Stack } from "../stack.ts";
import type { Terminal } from "../terminal.ts";
import { Addresses } from "./client.ts";
import { DockerDemo, runtimes } from "./docker-demo.ts";
import { steps } from "./steps.ts";

/** The port that each service listens on in its container. */
const port = 8080;

const project = fileURLToPath(new URL("../../..", import.meta.url));
const main = join(project, "sandbox/legacy/services/main.ts");

/** A service's container, in the keys of a compose file. The stack and compose both use it. */
function containerOf(name: ServiceName, pool: number) {
  // node_modules may be a link to another folder.
  const mounted = [...new Set([project, realpathSync(join(project, "node_modules"))])];
  return {
    image: serviceImage,
    command: [main, name, "--pool", String(pool), "--listen", String(port)],
    volumes: mounted.map((path) => `${path}:${path}:ro`),
  };
}

/** Healthy once the service accepts requests. A swarm stops the previous replica only then. */
const healthcheck = {
  test: [
    "CMD",
    "/usr/bin/node",
    "-e",
    `fetch("http://127.0.0.1:${port}/healthy").then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))`,
  ],
  interval: "1s",
  retries: 30,
};

/** The gate of every service, shorter than in production. */
const gate = { timeout: "60s", soak: "3s" };

/**
 * Starts a Docker daemon as a swarm and a Postgres that its containers can reach, and configures the stack with all six
 * services in containers. Returns the reason if this machine lacks a prerequisite.
 */
export async function prepareContainers(terminal: Terminal): Promise<Play | string> {
  const [compose] = await installedComposes();
  if (!compose) return "Docker Compose is not installed (Debian: apt-get install docker-compose)";
  const daemon = await startDocker();
  if (typeof daemon === "string") return daemon;
  await makeServiceImage(daemon.host);
  const swarm = await startSwarm(daemon);
  const folder = await mkdtemp(join(tmpdir(), "app-roles-demo-"));
  await chmod(folder, 0o755);
  const hba = join(folder, "pg_hba.conf");
  const from = ["127.0.0.1/32", daemon.subnet, swarm.subnet];
  await writeFile(hba, from.map((addresses) => `host all all ${addresses} scram-sha-256\n`).join(""));
  const listening = { listen_addresses: `127.0.0.1,${daemon.gateway}`, hba_file: hba };
  const postgres = await startPostgres({ settings: listening });
  await createLegacyEstate(postgres);
  const sandbox = await createSandbox({ postgres });
  const stack = new Stack(terminal, sandbox);
  await sandbox.pulumi(["config", "set", "docker:host", daemon.host]);
  await sandbox.setConfig("server.host", daemon.gateway);

  const composeFolder = join(sandbox.dir, "compose");
  const server = { ...postgres, host: daemon.gateway };
  for (const name of Object.keys(runtimes) as ServiceName[]) {
    const networks = { swarm: swarm.network, container: daemon.network };
    await configure(sandbox, name, stack.pool(name), composeFolder, networks);
  }
  // gateway writes, so its log will show the missing privileges.
  await sandbox.setConfig("roles.gateway_app.access.fleet_platform", "reader");

  const addresses = await Addresses.watch(daemon.docker, port);
  const demo = new DockerDemo({
    terminal,
    stack,
    server: postgres,
    addresses,
    async startCompose() {
      const file = await writeCompose(composeFolder, stack, daemon.network, (database) => {
        const url = new URL(postgres.url(database));
        url.host = `${server.host}:${server.port}`;
        return url.href;
      });
      const [executable = "", ...args] = compose;
      const env = { ...process.env, DOCKER_HOST: daemon.host };
      const { code, stderr } = await run(executable, [...args, "-f", file, "up", "-d"], { env });
      if (code !== 0) throw new Error(`compose up ended with exit code ${code}:\n${stderr}`);
    },
  });
  return {
    postgres,
    sandbox,
    steps: steps.map(({ title, run }) => ({ title, run: () => run(demo) })),
    report: () => demo.report,
    async close() {
      await demo.close();
      await swarm.leave();
      await daemon.stop();
      await Promise.all([sandbox.remove(), postgres.stop(), rm(folder, { recursive: true })]);
    },
  };
}

/** Sets a service's runtime in the stack configuration. */
async function configure(
  sandbox: Sandbox,
  name: ServiceName,
  pool: number,
  composeFolder: string,
  networks: { swarm: string; container: string },
): Promise<void> {
  const service = `services.${name}`;
  const runtime = runtimes[name];
  await sandbox.setConfig(`${service}.runtime`, runtime);
  await sandbox.setConfig(`${service}.gate`, gate);
  await sandbox.setConfig(`${service}.migrates`, definitions[name].migrates);
  if (runtime === "compose") {
    const files = [join(composeFolder, "docker-compose.yml")];
    const envFile = join(composeFolder, `${name}.env`);
    await sandbox.setConfig(`${service}.compose`, { files, service: name, envFile });
    return;
  }
  const container = { ...containerOf(name, pool), networks: [networks[runtime]], stopGracePeriod: "10s" };
  if (runtime === "swarm") await sandbox.setConfig(`${service}.urlFrom`, "file");
  await sandbox.setConfig(`${service}.container`, runtime === "swarm" ? { ...container, healthcheck } : container);
}

/** Writes the compose file, and for each of its services an env file with the superuser's URL. */
async function writeCompose(
  folder: string,
  stack: Stack,
  network: string,
  legacyUrl: (database: string) => string,
): Promise<string> {
  await mkdir(folder);
  const names = (Object.keys(runtimes) as ServiceName[]).filter((name) => runtimes[name] === "compose");
  for (const name of names) {
    const line = `DATABASE_URL=${legacyUrl(definitions[name].database)}\n`;
    await writeFile(join(folder, `${name}.env`), line, { mode: 0o600 });
  }
  const services = names.map((name) => {
    const more = { env_file: `${name}.env`, stop_grace_period: "10s" };
    return [name, { ...containerOf(name, stack.pool(name)), ...more }] as const;
  });
  const file = join(folder, "docker-compose.yml");
  const networks = { default: { external: true, name: network } };
  await writeFile(file, stringify({ version: "3.8", services: Object.fromEntries(services), networks }));
  return file;
}
