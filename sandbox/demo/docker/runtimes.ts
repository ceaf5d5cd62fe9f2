import { realpathSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { serviceImage } from "../../docker/image.ts";
import type { ServiceName } from "../../legacy/services/definitions.ts";

/** Who runs each service's containers. */
export const runtimes: Record<ServiceName, "swarm" | "container" | "compose"> = {
  dashboard_api: "swarm",
  ingest_worker: "container",
  worker: "container",
  webhook_receiver: "compose",
  gateway: "compose",
  cron: "compose",
};

/** The port that every service listens on in its container. */
export const port = 8080;

const project = fileURLToPath(new URL("../../..", import.meta.url));
const main = join(project, "sandbox/legacy/services/main.ts");

/** What stack and compose are both told of a service's container, in compose's terms. */
export function containerOf(name: ServiceName, pool: number) {
  // Packages may be linked from elsewhere.
  const mounted = [...new Set([project, realpathSync(join(project, "node_modules"))])];
  return {
    image: serviceImage,
    command: [main, name, "--pool", String(pool), "--listen", String(port)],
    volumes: mounted.map((path) => `${path}:${path}:ro`),
  };
}

/** Healthy once it serves: a swarm stops no old replica before. */
export const healthcheck = {
  test: [
    "CMD",
    "/usr/bin/node",
    "-e",
    `fetch("http://127.0.0.1:${port}/healthy").then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))`,
  ],
  interval: "1s",
  retries: 30,
};
