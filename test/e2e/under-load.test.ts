import { afterAll, beforeAll, expect, test } from "vitest";
import { definitions, type ServiceName } from "../../sandbox/legacy/services/definitions.ts";
import { type Service, startService } from "../../sandbox/legacy/services/service.ts";
import { createEstate, type Estate } from "./estate.ts";

let estate: Estate;
let services: Service[];
beforeAll(async () => {
  estate = await createEstate();
  services = Object.entries(definitions).map(([name, { database }]) =>
    startService(name as ServiceName, { url: estate.postgres.url(database), pool: 3 }),
  );
  await Promise.all(services.map((service) => service.ready()));
});
afterAll(async () => {
  await Promise.all(services.map((service) => service.stop()));
  await estate.remove();
});

const served = () => services.map((service) => service.served);
const failures = () => Object.fromEntries(services.map(({ name, failures }) => [name, failures]));
const none = () => Object.fromEntries(services.map(({ name }) => [name, 0]));

test("readers and writers run during an up and a destroy without an error", async () => {
  const before = await estate.observe();
  await estate.up();
  const inBetween = served();
  await estate.pulumi(["destroy", "--yes", "--skip-preview"]);
  expect(failures()).toEqual(none());
  expect(served().every((count, index) => count > (inBetween[index] as number))).toBe(true);
  expect(await estate.observe()).toEqual(before);
});

test("two concurrent ups: one reports that the stack is locked, the other succeeds", async () => {
  const args = ["up", "--yes", "--skip-preview"];
  const both = await Promise.all([estate.sandbox.pulumi(args), estate.sandbox.pulumi(args)]);
  const [done, refused] = both.toSorted((a, b) => a.code - b.code);
  expect(done?.code, done?.stdout).toBe(0);
  expect(`${refused?.stdout}${refused?.stderr}`).toContain("the stack is currently locked");
  await estate.pulumi(["preview", "--expect-no-changes"]);
  expect(failures()).toEqual(none());
});
