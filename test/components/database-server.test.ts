import { expect, test } from "vitest";
import { DatabaseServer } from "../../components/database-server.ts";
import { run, Secret } from "./program.ts";
import { shopRoles, shopServer } from "./shop.ts";

test("connects with one connection for each of its two plugins and a secret password", async () => {
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

test("passes one root certificate to both plugins and to no service", async () => {
  const ran = await run(() => shopServer({ sslrootcert: "ca.crt" }));
  for (const provider of ["postgresql", "pgaccess"])
    expect(ran.resource(`pulumi:providers:${provider}`, "main").inputs).toMatchObject({ sslrootcert: "ca.crt" });
});

test("by default logs in to the services' address as postgres, without a password", async () => {
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

test("adds up created and existing roles", async () => {
  const ran = await run(() => shopServer());
  expect(ran.resource("pgaccess:index:ConnectionBudget", "main").inputs).toEqual({
    assumed: [],
    ceiling: 95,
    entries: [
      { role: "shop_owner", limit: 20, source: "declared" },
      { role: "billing_owner", limit: 10, source: "declared" },
      { role: "shop_reader", limit: 8, source: "declared" },
      { role: "etl", limit: 5, source: "existing" },
    ],
    enforced: [],
    databases: ["shop", "billing"],
    legacyUsers: ["postgres"],
    superuser: true,
  });
});

test("sets the limit of an existing role only with enforce, after the budget, with its previous limit", async () => {
  const existingRoles = {
    etl: { connectionLimit: 5 },
    bi: {
      connectionLimit: 6,
      enforce: true,
      settings: { statement_timeout: "30s", search_path: ["Odd one", "public"] },
    },
  };
  const ran = await run(() => shopServer({ existingRoles }));
  expect(ran.all.filter(({ type }) => type === "pgaccess:index:ExistingRole").map(({ name }) => name)).toEqual(["bi"]);
  expect(ran.resource("pgaccess:index:Baseline", "shop").inputs).toMatchObject({ existingRoles: ["bi"] });
  expect(ran.resource("pgaccess:index:ConnectionBudget", "main").inputs).toMatchObject({ enforced: ["bi"] });
  expect(ran.resource("pgaccess:index:ExistingRole", "bi")).toMatchObject({
    inputs: {
      role: "bi",
      connectionLimit: 6,
      settings: { statement_timeout: "30000", search_path: '"Odd one", "public"' },
      former: { connectionLimit: -1 },
    },
    dependencies: expect.arrayContaining(["pgaccess:index:ConnectionBudget main", "pgaccess:index:Baseline billing"]),
  });
});

test("refuses what it cannot restore or read", async () => {
  const existing = (settings: Record<string, string>) => ({ bi: { connectionLimit: 6, enforce: true, settings } });
  await expect(run(() => shopServer({ databases: {}, existingRoles: existing({}) }))).rejects.toThrow(
    /needs a database/,
  );
  await expect(run(() => shopServer({ existingRoles: existing({ search_path: "shop,,public" }) }))).rejects.toThrow(
    /existingRoles.bi: settings.search_path: expected a list/,
  );
});

test("records each database before anything else", async () => {
  const ran = await run(() => shopServer());
  const roles = ["shop_owner", "billing_owner", "shop_reader"];
  expect(ran.resource("pgaccess:index:Baseline", "shop")).toMatchObject({
    inputs: { database: "shop", schemas: ["shop", "stock"], alsoOwn: ["public.t"], roles, legacyUsers: ["postgres"] },
    dependencies: [],
  });
  expect(ran.resource("pgaccess:index:Baseline", "billing").inputs).toMatchObject({ alsoOwn: [], roles });
});

test("rehearses in every database before any role is created, only if requested", async () => {
  const rehearse = {
    shop_owner: { access: { shop: "owner" as const }, settings: { search_path: ["shop", "public"] } },
    shop_reader: { access: { shop: "reader" as const, billing: "reader" as const } },
  };
  const ran = await run(() => {
    const server = shopServer({ rehearse });
    shopRoles.shop_reader(server);
    shopRoles.shop_owner(server);
    shopRoles.billing_owner(server);
  });
  const reader = { role: "shop_reader", access: "reader", settings: {} };
  expect(ran.resource("pgaccess:index:Rehearsal", "shop").inputs).toEqual({
    database: "shop",
    schemas: ["shop", "stock"],
    owner: "shop_owner",
    keepOwner: { "shop.v": "etl" },
    alsoOwn: ["public.t"],
    roles: [{ role: "shop_owner", access: "owner", settings: { search_path: '"shop", "public"' } }, reader],
    files: [],
  });
  expect(ran.resource("pgaccess:index:Rehearsal", "billing").inputs).toMatchObject({
    roles: [{ role: "shop_owner", settings: { search_path: '"shop", "public"' } }, reader],
  });
  const role = ran.resource("postgresql:index/role:Role", "shop_reader");
  expect(role.dependencies).toEqual(
    expect.arrayContaining(["pgaccess:index:Rehearsal shop", "pgaccess:index:Rehearsal billing"]),
  );
  const without = await run(() => shopServer());
  expect(without.all.filter(({ type }) => type === "pgaccess:index:Rehearsal")).toEqual([]);
});
