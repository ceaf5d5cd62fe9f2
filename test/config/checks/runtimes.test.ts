import { describe, expect, test } from "vitest";
import { ConfigError } from "../../../config/config-error.ts";
import { parseStack } from "../../../config/parse-stack.ts";
import { runbookConfig } from "../runbook-config.ts";

type Service = Record<string, unknown>;

/** The runbook's stack with changes of its `worker`. */
function config(worker: Service, more: Record<string, unknown> = {}): Record<string, unknown> {
  const declared = runbookConfig() as { services: Record<string, Service> };
  return {
    ...declared,
    services: { ...declared.services, worker: { ...declared.services.worker, ...worker } },
    ...more,
  };
}

function worker(written: Service, more?: Record<string, unknown>) {
  return parseStack(config(written, more)).services.find(({ name }) => name === "worker");
}

function problems(written: Service, more?: Record<string, unknown>): string[] {
  try {
    parseStack(config(written, more));
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ path, message }) => `${path}: ${message}`);
  }
}

const container = { image: "shop/worker:1.4" };

describe("a container", () => {
  test("is read with its units, short forms and defaults", () => {
    const written = {
      ...container,
      env: { LEVEL: "info", WORKERS: 4, DEBUG: false },
      ports: ["127.0.0.1:8080:80/tcp", 9090],
      networks: ["backend"],
      restart: false,
      memory: "512m",
      cpus: "0.5",
      stopGracePeriod: "1min",
      healthcheck: { test: ["CMD", "true"], interval: "5s", retries: "3" },
    };
    expect(worker({ runtime: "container", container: written })).toMatchObject({
      runtime: "container",
      urlFrom: "env",
      gate: { timeout: 60_000, soak: 300_000, patterns: [], ignore: [] },
      container: {
        image: "shop/worker:1.4",
        env: { LEVEL: "info", WORKERS: "4", DEBUG: "false" },
        ports: ["127.0.0.1:8080:80/tcp", "9090"],
        networks: { backend: { aliases: [] } },
        restart: "no",
        memory: 512 * 1024 * 1024,
        cpus: 0.5,
        stopGracePeriod: 60_000,
        healthcheck: { test: ["CMD", "true"], interval: 5000, retries: 3 },
      },
    });
  });

  test("names the aliases of its networks", () => {
    const networks = { backend: { aliases: ["queue"] }, edge: null };
    expect(worker({ runtime: "container", container: { ...container, networks } })?.container?.networks).toEqual({
      backend: { aliases: ["queue"] },
      edge: { aliases: [] },
    });
  });

  test.each([
    ["image", undefined, /image: expected an image with its tag or digest/],
    ["memory", "lots", /memory: expected an amount of memory such as 512m or 2g/],
    ["cpus", 0, /cpus: expected a number of CPUs/],
    ["ports", ["80:"], /ports\[0\]: expected a port/],
    ["volumes", ["data"], /volumes\[0\]: expected a volume/],
    ["restart", "sometimes", /restart: expected no, always/],
    ["extraHosts", ["db"], /extraHosts\[0\]: expected a host and its address/],
    ["mounts", [{ type: "bind", target: "/x" }], /mounts\[0\]\.source: is required/],
    ["mounts", [{ type: "tmpfs", source: "a", target: "/x" }], /mounts\[0\]\.source: has no effect with type: tmpfs/],
    ["healthcheck", { test: ["true"] }, /healthcheck\.test: expected CMD, CMD-SHELL or NONE/],
    ["env", { DATABASE_URL: "x" }, /env\.DATABASE_URL: is written by this stack/],
    ["stopGracePeriod", "soon", /stopGracePeriod: expected a duration/],
  ])("with a wrong %s is refused", (key, value, message) => {
    const found = problems({ runtime: "container", container: { ...container, [key]: value } });
    expect(found).toEqual([expect.stringMatching(message)]);
    expect(found[0]).toMatch(/^app-roles:services\.worker\.container\./);
  });
});

describe("a runtime and its keys", () => {
  test("a swarm starts an additional replica, which its pool counts", () => {
    const swarm = { runtime: "swarm", container, urlFrom: "file" };
    expect(worker(swarm)).toMatchObject({ urlFrom: "file", pool: { max: 4, replicas: 1, surge: 1 } });
    expect(worker({ ...swarm, pool: { surge: 2 } })?.pool.surge).toBe(2);
    expect(worker({ runtime: "container", container })?.pool.surge).toBe(0);
    expect(problems({ ...swarm, pool: { max: 15, replicas: 1 } })).toEqual([
      expect.stringContaining("can open 31 sessions (worker 15 x (1 + 1 surge) + 1 migration)"),
    ]);
  });

  test.each([
    [{ runtime: "container" }, "app-roles:services.worker.container: is required with runtime: container"],
    [{ runtime: "compose" }, "app-roles:services.worker.compose: is required with runtime: compose"],
    [{ runtime: "command" }, "app-roles:services.worker.command: is required with runtime: command"],
    [
      { container },
      "app-roles:services.worker.container: has no effect with runtime: external; remove it, or set the runtime to container or swarm",
    ],
    [
      { runtime: "container", container, urlFrom: "file" },
      "app-roles:services.worker.urlFrom: has no effect without runtime: swarm; remove it",
    ],
    [
      { runtime: "swarm", container, pool: { surge: 0 } },
      "app-roles:services.worker.pool.surge: must be at least 1 with runtime: swarm, which starts new replicas before previous ones stop",
    ],
    [
      { runtime: "swarm", container: { ...container, ports: ["80:80", "127.0.0.1:81:80", "[::1]:82:80"] } },
      "app-roles:services.worker.container.ports[1]: has an address, but a swarm publishes a port on all of its nodes; remove it",
      "app-roles:services.worker.container.ports[2]: has an address, but a swarm publishes a port on all of its nodes; remove it",
    ],
    [
      { runtime: "swarm", urlFrom: "file", container: { ...container, env: { DATABASE_URL_FILE: "/x" } } },
      "app-roles:services.worker.container.env.DATABASE_URL_FILE: is written by this stack (urlFrom: file); remove it",
    ],
    [
      { gate: { soak: "1min" } },
      "app-roles:services.worker.gate: has no effect with runtime: external, which you restart yourself; remove it",
    ],
  ])("that do not go together are refused: %j", (written, ...messages) => {
    expect(problems(written)).toEqual(messages);
  });

  test("a gate with a broken regular expression is refused", () => {
    expect(problems({ runtime: "container", container, gate: { patterns: ["("] } })).toEqual([
      expect.stringMatching(/^app-roles:services\.worker\.gate\.patterns: expected a list of regular expressions/),
    ]);
  });
});

describe("secret environment variables", () => {
  const secrets = (env: Record<string, unknown>) => ({ serviceSecrets: { worker: { env } } });

  test("are passed to containers", () => {
    const stack = parseStack(config({ runtime: "container", container }, secrets({ TOKEN: "t" })));
    expect(stack.serviceSecrets.worker).toEqual({ env: { TOKEN: "t" } });
  });

  test.each([
    [{}, { TOKEN: "t" }, /serviceSecrets\.worker\.env: has no effect without runtime: container or swarm/],
    [{ runtime: "container", container }, { DATABASE_URL: "t" }, /env\.DATABASE_URL: is written by this stack/],
    [
      { runtime: "container", container: { ...container, env: { TOKEN: "x" } } },
      { TOKEN: "t" },
      /env\.TOKEN: is also in app-roles:services\.worker\.container\.env/,
    ],
  ])("without effect, or declared twice, are refused", (written, env, message) => {
    expect(problems(written, secrets(env))).toEqual([expect.stringMatching(message)]);
  });
});

describe("migrationComplete", () => {
  test("refuses every service on legacy and every legacy URL", () => {
    const legacyUrl = "postgresql://postgres:x@timescale_db:5432/tracksolid_db";
    const found = problems(
      { connectAs: "legacy" },
      { migrationComplete: true, serviceSecrets: { worker: { legacyUrl } } },
    );
    expect(found).toContain(
      "app-roles:services.worker.connectAs: is legacy, but migrationComplete is true; cut the service over first",
    );
    expect(found).toContain(
      "app-roles:serviceSecrets.worker.legacyUrl: has no effect with migrationComplete: true; remove it",
    );
  });
});
