import { RunError } from "@pulumi/pulumi";
import { describe, expect, test } from "vitest";
import type { AppRole } from "../../components/app-role.ts";
import type { DatabaseServerArgs } from "../../components/database-server.ts";
import { Service, type ServiceArgs } from "../../components/service.ts";
import { foundUrl, passwordOf, type Ran, run, Secret, settled, waitsFor } from "./program.ts";
import { shopRoles, shopServer } from "./shop.ts";

const urlType = "pgaccess:index:ServiceUrl";

/** A service of the role shop_owner on shop, with all other roles. */
async function service(
  args: Partial<ServiceArgs>,
  server: Partial<DatabaseServerArgs> = {},
): Promise<{ ran: Ran; made: Service }> {
  let made: Service | undefined;
  const ran = await run(() => {
    const declared = shopServer(server);
    const roles = Object.fromEntries(Object.entries(shopRoles).map(([name, make]) => [name, make(declared)]));
    made = new Service("backend", { role: roles.shop_owner as AppRole, database: "shop", ...args });
  });
  return { ran, made: made as Service };
}

describe("on its role", () => {
  const onRole = { connectAs: "role", migrates: true } as const;

  test("waits for everything of its role", async () => {
    const { ran } = await service(onRole);
    expect(ran.resource(urlType, "backend").dependencies.toSorted()).toEqual([
      "pgaccess:index:Ownership shop",
      "pgaccess:index:Privileges shop_owner.billing",
      "pgaccess:index:Privileges shop_owner.shop",
      "pgaccess:index:RoleSettings shop_owner",
      "postgresql:index/role:Role shop_owner",
      "random:index/randomPassword:RandomPassword shop_owner",
    ]);
  });

  test("logs in with the legacy URL's address and parameters as its role, all of it secret", async () => {
    const legacyUrl = "postgres://app:old%40pw@db1,db2/shop?sslmode=require&application_name=backend";
    const { ran, made } = await service({ ...onRole, legacyUrl });
    const password = passwordOf("shop_owner");
    const url = `postgres://shop_owner:${password}@db1,db2/shop?sslmode=require&application_name=backend`;
    const { inputs, secretOutputs } = ran.resource(urlType, "backend");
    expect(inputs).toEqual({
      service: "backend",
      database: "shop",
      connectAs: "role",
      role: "shop_owner",
      password: new Secret(password),
      url: new Secret(url),
    });
    expect(secretOutputs).toEqual(expect.arrayContaining(["url", "password"]));
    expect(await settled(made.databaseUrl)).toEqual({ value: url, isSecret: true });
  });
});

describe("on legacy", () => {
  test("waits for nothing: a rollback needs no database", async () => {
    const { ran } = await service({});
    expect(ran.resource(urlType, "backend").dependencies).toEqual([]);
  });

  test("keeps its legacy URL byte for byte", async () => {
    const legacyUrl = "PostgreSQL://App:p%2f%2Fw@DB/shop?";
    const { ran, made } = await service({ legacyUrl });
    const { inputs } = ran.resource(urlType, "backend");
    expect(inputs).toEqual({
      service: "backend",
      database: "shop",
      connectAs: "legacy",
      role: "shop_owner",
      url: new Secret(legacyUrl),
    });
    expect(await settled(made.databaseUrl)).toEqual({ value: legacyUrl, isSecret: true });
  });

  test("has the server's address and the admin's login without a configured URL", async () => {
    const { ran } = await service({}, { port: 6432, admin: { host: "10.0.0.5", port: 1, user: "dba" } });
    expect(ran.resource(urlType, "backend").inputs.url).toEqual(
      new Secret("postgresql://dba:admin%27s%20password@db.internal:6432/shop"),
    );
  });
});

test("outputs what the policies read", async () => {
  const { ran } = await service({ pool: { max: 7 } });
  expect(ran.outputs.get("app-roles:index:Service backend")).toEqual({
    service: "backend",
    database: "shop",
    role: "shop_owner",
    connectAs: "legacy",
    migrates: "unconfirmed",
    pool: { max: 7, replicas: 1, surge: 0 },
    runtime: "external",
  });
});

test.each<[string, Partial<ServiceArgs>, RegExp]>([
  [
    "no access to its database",
    { database: "stock" },
    /^Service backend: its role shop_owner has no access to stock; add/,
  ],
  [
    "cut over unconfirmed",
    { connectAs: "role" },
    /^Service backend: connectAs: stays legacy until it is known whether/,
  ],
  [
    "a migrator that is no owner",
    { connectAs: "role", migrates: true, database: "billing" },
    /^Service backend: role: the service migrates, .* alters: billing_owner; found shop_owner$/,
  ],
])("refuses %s", async (_, args, message) => {
  const refused = service(args);
  await expect(refused).rejects.toThrow(message);
  await expect(refused).rejects.toSatisfy(RunError.isInstance);
});

describe("with a runtime that the stack restarts", () => {
  const compose = { files: ["/srv/docker-compose.yml"], service: "api", envFile: "/srv/api.env" };

  test("compose: the legacy URL is found, and the URL in force is written after ServiceUrl only", async () => {
    const { ran, made } = await service({ runtime: "compose", compose });
    const legacy = ran.resource("pgaccess:index:LegacyUrl", "backend");
    expect(legacy.dependencies).toEqual([]);
    expect(legacy.inputs).toMatchObject({ service: "backend", urlKey: "DATABASE_URL", database: "shop", compose });
    expect(legacy.inputs).toMatchObject({ roles: ["shop_owner", "billing_owner", "shop_reader"], connectAs: "legacy" });
    expect(legacy.secretOutputs).toEqual(expect.arrayContaining(["url", "made", "given"]));
    const env = ran.resource("pgaccess:index:ServiceEnv", "backend");
    // A rollback waits for nothing of the database.
    expect([...waitsFor(ran, env)].toSorted()).toEqual(["pgaccess:index:LegacyUrl backend", `${urlType} backend`]);
    expect(env.inputs).toMatchObject({ service: "backend", compose, role: "shop_owner", connectAs: "legacy" });
    expect(env.inputs).toMatchObject({ url: new Secret(foundUrl), legacyUrl: new Secret(foundUrl) });
    expect(env.secretOutputs).toEqual(expect.arrayContaining(["url", "legacyUrl"]));
    expect(made.deployment?.labels).toMatchObject({ "com.docker.compose.service": "api" });
  });

  test("command: on its role it waits for the login", async () => {
    const command = { path: "./deploy.sh", args: ["--prod"] };
    const { ran, made } = await service({
      runtime: "command",
      command,
      connectAs: "role",
      migrates: true,
      urlKey: "PG",
    });
    const env = ran.resource("pgaccess:index:ServiceEnv", "backend");
    expect(env.inputs).toMatchObject({ command, urlKey: "PG", connectAs: "role" });
    expect(waitsFor(ran, env)).toContain(`${urlType} backend`);
    expect(waitsFor(ran, env)).toContain("postgresql:index/role:Role shop_owner");
    expect(made.deployment?.labels).toBeUndefined();
  });

  test("its gate follows the redeploy and outputs the URL in force", async () => {
    const { ran, made } = await service({
      ...{ runtime: "compose", compose, connectAs: "role", migrates: true },
      gate: { soak: 1000 },
    });
    const gate = ran.resource("pgaccess:index:CutoverGate", "backend");
    expect(waitsFor(ran, gate)).toContain("pgaccess:index:ServiceEnv backend");
    expect(gate.inputs).toMatchObject({ service: "backend", role: "shop_owner", migrates: true, connectAs: "role" });
    expect(gate.inputs.gate).toEqual({ timeout: 60_000, soak: 1000, patterns: [], ignore: [] });
    expect(gate.secretOutputs).toContain("url");
    expect(made.inForce).toBe(made.gate);
  });

  test("on its role it waits for the previous gate, on legacy for nothing", async () => {
    const two = async (connectAs: "legacy" | "role") => {
      const ran = await run(() => {
        const server = shopServer();
        const role = shopRoles.shop_owner(server);
        shopRoles.billing_owner(server);
        shopRoles.shop_reader(server);
        const declared = { role, database: "shop", migrates: true, runtime: "compose", compose } as const;
        const first = new Service("first", { ...declared, connectAs: "role" });
        new Service("second", { ...declared, connectAs, after: [first] });
      });
      return waitsFor(ran, ran.resource("pgaccess:index:ServiceEnv", "second"));
    };
    expect(await two("role")).toContain("pgaccess:index:CutoverGate first");
    expect([...(await two("legacy"))].filter((each) => each.endsWith(" first"))).toEqual([]);
  });

  test("is refused without its runtime's key", async () => {
    await expect(service({ runtime: "compose" })).rejects.toThrow("Service backend: runtime: compose needs compose");
  });
});
