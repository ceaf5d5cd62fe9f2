import { expect, test } from "vitest";
import { DatabaseServer } from "../../components/database-server.ts";
import { run, Secret } from "./program.ts";
import { shopServer } from "./shop.ts";

test("dials with one connection for each of its two plugins, the password secret", async () => {
  const ran = await run(() => shopServer({ admin: { host: "10.0.0.5", port: 15432, user: "dba", database: "ops" } }));
  expect(ran.resource("pulumi:providers:postgresql", "main").inputs).toMatchObject({
    host: "10.0.0.5",
    port: "15432",
    username: "dba",
    password: new Secret("admin's password"),
    database: "ops",
    sslmode: "require",
    maxConnections: "1",
  });
  expect(ran.resource("pulumi:providers:pgaccess", "main").inputs).toEqual({
    host: "10.0.0.5",
    port: "15432",
    user: "dba",
    password: new Secret("admin's password"),
    database: "ops",
    sslmode: "require",
  });
});

test("logs in to the services' own address as postgres, without a password, where nothing else is said", async () => {
  const ran = await run(() => new DatabaseServer("main", { host: "127.0.0.1", databases: {}, roles: {} }));
  expect(ran.resource("pulumi:providers:pgaccess", "main").inputs).toEqual({
    host: "127.0.0.1",
    port: "5432",
    user: "postgres",
    database: "postgres",
    sslmode: "disable",
  });
  expect(ran.resource("pulumi:providers:postgresql", "main").inputs).not.toHaveProperty("password");
});

test("adds up the roles it makes and the ones that are there", async () => {
  const ran = await run(() => shopServer());
  expect(ran.resource("pgaccess:index:ConnectionBudget", "main").inputs).toEqual({
    ceiling: 95,
    entries: [
      { role: "shop_owner", limit: 20, source: "declared" },
      { role: "billing_owner", limit: 10, source: "declared" },
      { role: "shop_reader", limit: 8, source: "declared" },
      { role: "etl", limit: 5, source: "existing" },
    ],
  });
});

test("records each database before anything else is done with it", async () => {
  const ran = await run(() => shopServer());
  const roles = ["shop_owner", "billing_owner", "shop_reader"];
  expect(ran.resource("pgaccess:index:Baseline", "shop")).toMatchObject({
    inputs: { database: "shop", schemas: ["shop", "stock"], alsoOwn: ["public.t"], roles },
    dependencies: [],
  });
  expect(ran.resource("pgaccess:index:Baseline", "billing").inputs).toMatchObject({ alsoOwn: [], roles });
});
