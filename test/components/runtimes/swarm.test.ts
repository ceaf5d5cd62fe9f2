import * as pulumi from "@pulumi/pulumi";
import { describe, expect, test } from "vitest";
import type { Deployment } from "../../../components/runtimes/deployment.ts";
import { deployToSwarm, type SwarmArgs } from "../../../components/runtimes/swarm.ts";
import type { ContainerSpec } from "../../../model/runtime.ts";
import { type Ran, run, Secret, settled } from "../program.ts";

const plain: ContainerSpec = {
  image: `shop/api@sha256:${"a".repeat(64)}`,
  env: {},
  ports: [],
  networks: {},
  volumes: [],
  mounts: [],
  restart: "unless-stopped",
  labels: {},
  extraHosts: [],
  capAdd: [],
  capDrop: [],
};
const url = "postgresql://api:pw@db/shop";
/** None of these changes with a cutover, because another label of a container recreates the service. */
const containerLabels = [
  { label: "app-roles.stack", value: "app-roles/prod" },
  { label: "app-roles.service", value: "api" },
];
const labels = [
  ...containerLabels,
  { label: "app-roles.role", value: "shop_reader" },
  { label: "app-roles.connect-as", value: "role" },
];

async function swarm(
  spec: Partial<ContainerSpec> = {},
  args: Partial<SwarmArgs> = {},
  urlInForce = url,
  rollbackKit?: string,
): Promise<{ ran: Ran; deployed: Deployment }> {
  let deployed: Deployment | undefined;
  const ran = await run(() => {
    const parent = new pulumi.ComponentResource("test:index:Service", "api");
    const provider = new TestProvider();
    const inForce = pulumi.secret(urlInForce);
    const service = { service: "api", role: "shop_reader", connectAs: "role" as const, urlKey: "DATABASE_URL" };
    deployed = deployToSwarm(
      {
        ...service,
        url: inForce,
        legacyUrl: inForce,
        env: { TOKEN: pulumi.secret("t") },
        rollbackKit,
        parent,
        provider,
      },
      { container: { ...plain, ...spec }, pool: { max: 4, replicas: 3, surge: 2 }, urlFrom: "env", ...args },
    );
  });
  return { ran, deployed: deployed as Deployment };
}

class TestProvider extends pulumi.ProviderResource {
  constructor() {
    super("pgaccess", "p");
  }
}

const serviceIn = (ran: Ran) => ran.resource("docker:index/service:Service", "api");

test("with a rollback kit its script exists before its cutover", async () => {
  const { ran } = await swarm({ name: "shop_api" }, { urlFrom: "file" }, url, "/root/kit");
  expect(ran.resource("pgaccess:index:RollbackScript", "api").inputs).toMatchObject({
    folder: "/root/kit",
    legacyUrl: new Secret(url),
    swarm: { name: "shop_api", urlFrom: "file" },
  });
  expect(serviceIn(ran).dependencies).toContain("pgaccess:index:RollbackScript api");
});

test("replicas come from the pool, its surge starts before previous ones stop, and a failed update is rolled back", async () => {
  const { ran, deployed } = await swarm({ env: { LEVEL: "info" }, labels: { team: "shop" } });
  const team = { label: "team", value: "shop" };
  expect(serviceIn(ran).inputs).toEqual({
    name: "api",
    labels: [team, ...labels],
    taskSpec: {
      containerSpec: {
        image: plain.image,
        env: { LEVEL: "info", TOKEN: new Secret("t"), DATABASE_URL: new Secret(url) },
        labels: [team, ...containerLabels],
        // The plugin's defaults would kill immediately and restart without a delay.
        stopGracePeriod: "10s",
      },
      restartPolicy: { condition: "any", delay: "5s", window: "0s" },
    },
    mode: { replicated: { replicas: 3 } },
    updateConfig: { parallelism: 2, order: "start-first", failureAction: "rollback" },
    rollbackConfig: { parallelism: 2, order: "start-first" },
    convergeConfig: {},
  });
  expect(deployed.labels).toEqual({ "app-roles.stack": "app-roles/prod", "app-roles.service": "api" });
});

test("it gets every key of a compose service, in the official provider's terms", async () => {
  const { ran } = await swarm({
    name: "shop-api",
    command: ["serve"],
    entrypoint: ["/bin/app"],
    workingDir: "/app",
    user: "1000",
    ports: ["8080:80", "9090", "53:53/udp"],
    volumes: ["data:/data", "/etc/app:/etc/app:ro"],
    mounts: [{ type: "tmpfs", target: "/tmp", readOnly: false }],
    restart: "on-failure:5",
    healthcheck: { test: ["CMD", "true"], interval: 60_000, timeout: 1500, startPeriod: 90_000, retries: 2 },
    memory: 512 * 1024 * 1024,
    cpus: 0.5,
    logging: { driver: "json-file", options: { "max-size": "10m" } },
    stopSignal: "SIGINT",
    stopGracePeriod: 60_000,
    extraHosts: ["db:10.0.0.5", "v6:::1"],
    capAdd: ["NET_ADMIN"],
    capDrop: ["ALL"],
    networks: { backend: { aliases: ["api"] }, edge: { aliases: [] } },
  });
  expect(serviceIn(ran).inputs).toMatchObject({
    name: "shop-api",
    taskSpec: {
      containerSpec: {
        commands: ["/bin/app"],
        args: ["serve"],
        dir: "/app",
        user: "1000",
        mounts: [
          { type: "volume", source: "data", target: "/data" },
          { type: "bind", source: "/etc/app", target: "/etc/app", readOnly: true },
          { type: "tmpfs", target: "/tmp" },
        ],
        healthcheck: { tests: ["CMD", "true"], interval: "1m", timeout: "1.5s", startPeriod: "1m30s", retries: 2 },
        stopSignal: "SIGINT",
        stopGracePeriod: "1m",
        hosts: [
          { host: "db", ip: "10.0.0.5" },
          { host: "v6", ip: "::1" },
        ],
        capAdds: ["NET_ADMIN"],
        capDrops: ["ALL"],
      },
      networksAdvanceds: [{ id: "id of backend", aliases: ["api"] }, { id: "id of edge" }],
      logDriver: { name: "json-file", options: { "max-size": "10m" } },
      restartPolicy: { condition: "on-failure", maxAttempts: 5 },
      resources: { limits: { memoryBytes: 512 * 1024 * 1024, nanoCpus: 5e8 } },
    },
    endpointSpec: {
      ports: [
        { targetPort: 80, publishedPort: 8080 },
        { targetPort: 9090 },
        { targetPort: 53, publishedPort: 53, protocol: "udp" },
      ],
    },
  });
});

test("the URL as a file is a Docker secret and not an environment variable", async () => {
  const { ran } = await swarm({}, { urlFrom: "file" });
  const secret = ran.resource("docker:index/secret:Secret", "api");
  // Without a name of ours, because Pulumi's changes with each replacement.
  expect(secret.inputs).toEqual({ data: new Secret(Buffer.from(url).toString("base64")), labels });
  expect(secret.secretOutputs).toContain("data");
  expect(serviceIn(ran).inputs).toMatchObject({
    taskSpec: {
      containerSpec: {
        env: { TOKEN: new Secret("t"), DATABASE_URL_FILE: "/run/secrets/DATABASE_URL" },
        secrets: [{ secretId: "api-id", fileName: "DATABASE_URL" }],
      },
    },
  });
  expect(JSON.stringify(serviceIn(ran).inputs)).not.toContain("api:pw");
});

test("the deployment of the gate changes with the URL, and is a secret that does not reveal it", async () => {
  const idOf = async (inForce: string) => settled((await swarm({}, {}, inForce)).deployed.id);
  const [one, same, other] = [await idOf(url), await idOf(url), await idOf(`${url}?x`)];
  expect(one).toEqual(same);
  expect(one.value).not.toBe(other.value);
  expect(one.isSecret).toBe(true);
  expect(one.value).toMatch(/^[0-9a-f]{64}$/);
});

describe.each([
  ["no", "none"],
  ["always", "any"],
  ["unless-stopped", "any"],
  ["on-failure", "on-failure"],
])("restart: %s", (restart, condition) => {
  test(`is ${condition} in a swarm`, async () => {
    const { ran } = await swarm({ restart });
    expect(serviceIn(ran).inputs).toMatchObject({ taskSpec: { restartPolicy: { condition, delay: "5s" } } });
  });
});
