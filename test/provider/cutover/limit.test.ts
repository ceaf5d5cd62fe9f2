import { expect, test } from "vitest";
import { cutovers } from "../../../provider/cutover/limit/resource.ts";
import { testCall } from "../calls.ts";

type ConnectAs = "legacy" | "role";

/** Why the up is refused; undefined when it is not. `before`: what the last up was given; none: there was no up. */
async function refusal(
  now: Record<string, ConnectAs>,
  before: Record<string, ConnectAs> | undefined,
  max = 1,
): Promise<string | undefined> {
  const inputs = (services: Record<string, ConnectAs>) => ({
    services: Object.entries(services).map(([service, connectAs]) => ({ service, connectAs })),
    max,
  });
  const { failures, changes } = await cutovers().plan(inputs(now), before && inputs(before), {}, testCall());
  expect(changes).toEqual({});
  return failures?.[0]?.reason;
}

const allLegacy = { api: "legacy", worker: "legacy", cron: "legacy" } as const;

test("one service of an up may be cut over, two are refused by name, the first in order first", async () => {
  expect(await refusal({ ...allLegacy, worker: "role" }, allLegacy)).toBeUndefined();
  const refused = await refusal({ ...allLegacy, cron: "role", worker: "role" }, allLegacy);
  expect(refused).toContain("2 services would be cut over at once: worker, cron; app-roles:maxCutoversPerUp allows 1.");
  expect(refused).toContain("worker goes first: set app-roles:services.cron.connectAs back to legacy");
});

test("as many as are declared may be", async () => {
  const all = { api: "role", worker: "role", cron: "role" } as const;
  expect(await refusal(all, allLegacy, 3)).toBeUndefined();
  expect(await refusal(all, allLegacy, 2)).toContain(
    "api, worker go first: set app-roles:services.cron.connectAs back to legacy",
  );
});

test("a first up, new services, the way back and those on their role already do not count", async () => {
  const all = { api: "role", worker: "role", cron: "role" } as const;
  expect(await refusal(all, undefined)).toBeUndefined();
  expect(await refusal({ ...all, extra: "role", more: "role" }, all)).toBeUndefined();
  expect(
    await refusal({ api: "role", worker: "role", extra: "role" }, { api: "legacy", worker: "role" }),
  ).toBeUndefined();
  expect(await refusal(allLegacy, all)).toBeUndefined();
});

test("what is wrong where several services keep their URLs is said at once; one alone is left to its service", async () => {
  const place = (service: string) => ({
    service,
    urlKey: "DATABASE_URL",
    command: { path: `/nowhere/${service}.sh`, args: [] },
  });
  const reasons = async (...services: string[]) => {
    const inputs = { services: [], max: 1, places: services.map(place) };
    const { failures = [] } = await cutovers().plan(inputs, undefined, {}, testCall());
    return failures.map(({ reason }) => reason);
  };
  expect(await reasons("api", "worker")).toEqual([
    "api: /nowhere/api.sh api read cannot be started: ENOENT (services.api.command.path)",
    "worker: /nowhere/worker.sh worker read cannot be started: ENOENT (services.worker.command.path)",
  ]);
  expect(await reasons("api")).toEqual([]);
});
