import { afterAll, beforeAll, expect, test } from "vitest";
import { FleetEstate } from "./fleet-estate.ts";

let shop: FleetEstate;
beforeAll(async () => {
  shop = await FleetEstate.create();
});
afterAll(() => shop?.remove());

test("two services with a command: the first is rolled back after an up and the cutover of the second", async () => {
  expect(await shop.appRoles("cutover", "dashboard_api")).toMatchObject({ code: 0 });
  await shop.estate.up();
  expect(await shop.appRoles("cutover", "worker")).toMatchObject({ code: 0 });
  await shop.check("both are on their role");
  const deploys = shop.services.restarts("dashboard_api");
  const { code, said } = await shop.appRoles("rollback", "dashboard_api");
  expect({ code, said }).toEqual({
    code: 0,
    said: expect.stringContaining("dashboard_api runs with its legacy URL again: its command deployed it"),
  });
  expect(said).not.toContain("Duplicate resource URN");
  await shop.check("the first went back");
  expect([shop.services.user("worker"), Number(shop.services.restarts("dashboard_api")) - Number(deploys)]).toEqual([
    "tracksolid_owner",
    1,
  ]);
  await shop.estate.pulumi(["preview", "--expect-no-changes"]);
  expect(await shop.appRoles("rollback", "dashboard_api")).toMatchObject({
    code: 0,
    said: expect.stringContaining("dashboard_api is already on its legacy URL"),
  });
});

test("compose with rollbackKit: a successful and a failed cutover are rolled back", async () => {
  expect(await shop.appRoles("cutover", "ingest_worker")).toMatchObject({ code: 0 });
  await shop.check("cut over");
  const back = await shop.appRoles("rollback", "ingest_worker");
  expect(back).toMatchObject({
    code: 0,
    said: expect.stringContaining("ingest_worker runs with its legacy URL again"),
  });
  const { restarts } = { restarts: shop.services.restarts("ingest_worker") };
  await shop.check("gone back");
  shop.services.broken.add("ingest_worker");
  const refused = await shop.appRoles("cutover", "ingest_worker");
  shop.services.broken.clear();
  expect(refused).toMatchObject({
    code: 1,
    said: expect.stringContaining("ingest_worker was rolled back to its legacy URL"),
  });
  expect(refused.said).not.toContain("snapshot integrity failure");
  await shop.check("refused by its gate");
  expect(shop.services.restarts("ingest_worker")).not.toBe(restarts);
  await shop.estate.pulumi(["preview", "--expect-no-changes"]);
});

test("a service that its script rolled back blocks cutovers and rotations that would undo it", async () => {
  const { ended } = shop.begin(["cutover", "webhook_receiver"]);
  expect(await ended).toMatchObject({ code: 0 });
  expect(await shop.kit("webhook_receiver")).toEqual([0, null]);
  const restarts = shop.services.restarts("webhook_receiver");
  for (const args of [
    ["cutover", "ingest_worker"],
    ["rotate", "tracksolid_owner"],
  ]) {
    expect(await shop.appRoles(...args)).toMatchObject({
      code: 1,
      said: expect.stringContaining("webhook_receiver was rolled back without the stack"),
    });
  }
  expect(await shop.appRoles("rollback", "webhook_receiver")).toMatchObject({ code: 0 });
  expect(shop.services.restarts("webhook_receiver")).toBe(restarts);
  await shop.check("the stack knows");
  await shop.preview("the stack knows");
});

test("no password was printed", () => shop.expectNoPasswordPrinted());
