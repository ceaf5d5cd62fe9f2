import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { declaredServices } from "../../config/declared-services.ts";

test("services come in the order in which the stack file declares them", () => {
  const file = readFileSync(new URL("../../Pulumi.prod.yaml", import.meta.url), "utf8");
  expect(declaredServices(file)).toEqual([
    "dashboard_api",
    "ingest_worker",
    "worker",
    "webhook_receiver",
    "gateway",
    "cron",
  ]);
});

test.each([
  ["", []],
  ["config:\n", []],
  ["config:\n  app-roles:services:\n", []],
  ["config:\n  app-roles:services: {b: {}, 2: {}, a: {}}\n", ["b", "2", "a"]],
])("%j declares %j", (file, services) => {
  expect(declaredServices(file)).toEqual(services);
});
