import * as pulumi from "@pulumi/pulumi";
import { describe, expect, test } from "vitest";
import { deployAsContainer } from "../../../components/runtimes/container.ts";
import type { Deploy } from "../../../components/runtimes/deployment.ts";
import type { ContainerSpec } from "../../../model/runtime.ts";
import { run, Secret } from "../program.ts";

class TestProvider extends pulumi.ProviderResource {
  constructor() {
    super("pgaccess", "p");
  }
}

const plain: ContainerSpec = {
  image: "shop/api:1",
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

async function containerOf(spec: Partial<ContainerSpec>, env: Record<string, pulumi.Input<string>> = {}) {
  return (await registered(spec, env)).resource("docker:index/container:Container", "api").inputs;
}

function registered(
  spec: Partial<ContainerSpec>,
  env: Record<string, pulumi.Input<string>> = {},
  more: Partial<Deploy> = {},
) {
  return run(() => {
    const parent = new pulumi.ComponentResource("test:index:Service", "api");
    const provider = new TestProvider();
    const url = pulumi.secret("postgresql://api:pw@db/shop");
    const service = { service: "api", role: "shop_reader", connectAs: "role" as const, urlKey: "DATABASE_URL" };
    const deployed = deployAsContainer(
      { ...service, url, legacyUrl: url, env, parent, provider, ...more },
      { ...plain, ...spec },
    );
    expect(deployed.labels).toEqual({ "app-roles.stack": "app-roles/prod", "app-roles.service": "api" });
  });
}

test("a container's labels show what a preview cannot show of its secret URL", async () => {
  const inputs = await containerOf({ env: { LEVEL: "info" }, labels: { team: "shop" } }, { TOKEN: pulumi.secret("t") });
  expect(inputs.envs).toEqual(new Secret(["DATABASE_URL=postgresql://api:pw@db/shop", "LEVEL=info", "TOKEN=t"]));
  expect(inputs).toEqual({
    name: "api",
    image: "shop/api:1",
    envs: expect.anything(),
    labels: [
      { label: "team", value: "shop" },
      { label: "app-roles.stack", value: "app-roles/prod" },
      { label: "app-roles.service", value: "api" },
      { label: "app-roles.role", value: "shop_reader" },
      { label: "app-roles.connect-as", value: "role" },
    ],
    restart: "unless-stopped",
    mustRun: true,
    destroyGraceSeconds: 10,
  });
});

test("its name is freed first; an existing container is refused unless existing: replace", async () => {
  const place = { service: "api", stack: "app-roles/prod" };
  for (const [spec, inputs] of [
    [{}, { ...place, name: "api", existing: "refuse" }],
    [
      { name: "shop-api", existing: "replace" },
      { ...place, name: "shop-api", existing: "replace" },
    ],
  ] as const) {
    const ran = await registered(spec);
    expect(ran.resource("pgaccess:index:ContainerName", "api").inputs).toEqual(inputs);
    expect(ran.resource("docker:index/container:Container", "api")).toMatchObject({
      dependencies: expect.arrayContaining(["pgaccess:index:ContainerName api"]),
      onError: inputs.existing === "replace" ? ["bring-container-back-api"] : [],
    });
  }
});

describe("with a rollback kit", () => {
  const legacyUrl = new Secret("postgresql://api:pw@db/shop");

  test("a script that recreates it with its legacy URL exists before its cutover", async () => {
    const ran = await registered(
      { env: { LEVEL: "info" }, networks: { back: { aliases: ["api"] } }, command: ["serve"] },
      { TOKEN: pulumi.secret("t") },
      { rollbackKit: "/root/kit" },
    );
    const { inputs, secretOutputs } = ran.resource("pgaccess:index:RollbackScript", "api");
    expect(inputs).toEqual({
      service: "api",
      stack: "prod",
      urlKey: "DATABASE_URL",
      folder: "/root/kit",
      legacyUrl,
      env: new Secret({ LEVEL: "info", TOKEN: "t" }),
      container: {
        name: "api",
        networks: { back: ["api"] },
        create: {
          options: expect.arrayContaining(["--label=app-roles.connect-as=legacy"]),
          image: "shop/api:1",
          words: ["serve"],
        },
      },
    });
    expect(secretOutputs).toEqual(expect.arrayContaining(["env", "legacyUrl"]));
    expect(ran.resource("docker:index/container:Container", "api").dependencies).toContain(
      "pgaccess:index:RollbackScript api",
    );
  });

  test("there is none on legacy, nor after the migration", async () => {
    for (const more of [{ connectAs: "legacy" }, { legacyUrl: undefined }] as const) {
      const { all } = await registered({}, {}, { rollbackKit: "/root/kit", ...more });
      expect(all.map(({ type }) => type)).not.toContain("pgaccess:index:RollbackScript");
    }
  });
});

test("it gets every common key of a compose service, in the official provider's terms", async () => {
  const inputs = await containerOf({
    name: "shop-api",
    command: ["serve"],
    entrypoint: ["/bin/app"],
    workingDir: "/app",
    user: "1000:1000",
    ports: ["80", "8080:80", "127.0.0.1:53:53/UDP", "[::1]:90:91"],
    networks: { backend: { aliases: ["api", "web"] }, edge: { aliases: [] } },
    volumes: ["data:/data", "/etc/app:/etc/app:ro"],
    mounts: [{ type: "tmpfs", target: "/tmp", readOnly: false }],
    restart: "on-failure:5",
    healthcheck: { test: ["CMD", "true"], interval: 5000, timeout: 1000, startPeriod: 60_000, retries: 2 },
    memory: 512 * 1024 * 1024,
    cpus: 0.5,
    logging: { driver: "json-file", options: { "max-size": "10m" } },
    stopSignal: "SIGINT",
    stopGracePeriod: 1500,
    extraHosts: ["db:10.0.0.5", "v6:::1"],
    capAdd: ["NET_ADMIN"],
    capDrop: ["ALL"],
  });
  expect(inputs).toMatchObject({
    name: "shop-api",
    command: ["serve"],
    entrypoints: ["/bin/app"],
    workingDir: "/app",
    user: "1000:1000",
    ports: [
      { internal: 80 },
      { internal: 80, external: 8080 },
      { internal: 53, external: 53, ip: "127.0.0.1", protocol: "udp" },
      { internal: 91, external: 90, ip: "::1" },
    ],
    networksAdvanced: [{ name: "backend", aliases: ["api", "web"] }, { name: "edge" }],
    volumes: [
      { volumeName: "data", containerPath: "/data" },
      { hostPath: "/etc/app", containerPath: "/etc/app", readOnly: true },
    ],
    mounts: [{ type: "tmpfs", target: "/tmp" }],
    restart: "on-failure",
    maxRetryCount: 5,
    healthcheck: { tests: ["CMD", "true"], interval: "5s", timeout: "1s", startPeriod: "1m0s", retries: 2 },
    memory: 512,
    cpus: "0.5",
    logDriver: "json-file",
    logOpts: { "max-size": "10m" },
    stopSignal: "SIGINT",
    stopTimeout: 2,
    destroyGraceSeconds: 2,
    hosts: [
      { host: "db", ip: "10.0.0.5" },
      { host: "v6", ip: "::1" },
    ],
    capabilities: { adds: ["NET_ADMIN"], drops: ["ALL"] },
  });
});
