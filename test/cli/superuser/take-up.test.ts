import { expect, test } from "vitest";
import { takesUp } from "../../../cli/superuser/take-up.ts";
import { parseStack } from "../../../model/parse-stack.ts";

test("the admin's providers, every kept URL and the following services take the password up, and nothing else", () => {
  const { services } = parseStack({
    server: { host: "db" },
    databases: { shop: { schemas: ["shop"] } },
    roles: { reader: { connectionLimit: 8, access: { shop: "reader" } } },
    services: { api: { database: "shop", role: "reader" }, job: { database: "shop", role: "reader" } },
  });
  const component = (name: string) => ({ urn: `prod::${name}`, type: "app-roles:index:Service" });
  const child = (parent: string, type: string) => ({
    urn: `prod::${type}::${parent}`,
    type,
    parent: `prod::${parent}`,
  });
  const resources = [
    { urn: "pg", type: "pulumi:providers:postgresql", inputs: { username: "postgres" } },
    { urn: "pga", type: "pulumi:providers:pgaccess", inputs: { user: "postgres" } },
    { urn: "other server's", type: "pulumi:providers:pgaccess", inputs: { user: "root" } },
    { urn: "random", type: "pulumi:providers:random", inputs: {} },
    { urn: "role", type: "postgresql:index/role:Role" },
    component("api"),
    child("api", "pgaccess:index:ServiceUrl"),
    component("job"),
    child("job", "pgaccess:index:LegacyUrl"),
    child("job", "pgaccess:index:ServiceUrl"),
    child("job", "pgaccess:index:RollbackScript"),
  ];
  expect(takesUp({ resources }, "postgres", services.slice(0, 1))).toEqual([
    "pg",
    "pga",
    "prod::pgaccess:index:LegacyUrl::job",
    "prod::api",
    "prod::pgaccess:index:ServiceUrl::api",
  ]);
  expect(takesUp({ resources }, "postgres", [], services.slice(1))).toEqual([
    "pg",
    "pga",
    "prod::pgaccess:index:LegacyUrl::job",
    "prod::pgaccess:index:RollbackScript::job",
  ]);
  expect(takesUp({}, "postgres", services)).toEqual([]);
});
