import { describe, expect, test } from "vitest";
import { planPools, type SeenPool } from "../../../cli/discover/limits.ts";

const slots = { max: 100, superuserReserved: 3, reserved: 0, used: 0 };
const seen = (service: string, sessions: number, more: Partial<SeenPool> = {}): SeenPool => ({
  service,
  sessions,
  busy: 1,
  replicas: 1,
  migrates: false,
  ...more,
});

describe("the limits fit under the ceiling", () => {
  test("with a second replica during a deploy if there is room", () => {
    const plan = planPools([seen("api", 10), seen("worker", 5, { migrates: true, replicas: 2 })], 28, slots);
    expect(plan).toMatchObject({ fit: "with surge", ceiling: 95, total: 28 + 20 + 16 });
    expect(plan?.demands).toEqual(
      new Map([
        ["api", 20],
        ["worker", 16],
      ]),
    );
  });
  test("as they were seen if there is not", () => {
    expect(planPools([seen("api", 60)], 28, slots)).toMatchObject({ fit: "as seen", total: 88 });
  });
  test("with fewer idle sessions, at the same share for all", () => {
    const plan = planPools([seen("api", 60), seen("worker", 40, { migrates: "unconfirmed" })], 28, slots);
    expect(plan).toMatchObject({ fit: "fewer idle", ceiling: 95 });
    expect(plan?.pools.get("api")?.max).toBe(40);
    expect(plan?.pools.get("worker")?.max).toBe(26);
    expect(plan?.total).toBe(28 + 40 + 26 + 1);
  });
  test("never with fewer than were busy, unless nothing else fits", () => {
    const busy = planPools([seen("api", 60, { busy: 50 }), seen("worker", 40)], 28, slots);
    expect(busy).toMatchObject({ fit: "fewer idle" });
    expect(busy?.pools.get("api")?.max).toBeGreaterThan(50);
    const full = planPools([seen("api", 60, { busy: 60 }), seen("worker", 40, { busy: 40 })], 28, slots);
    expect(full).toMatchObject({ fit: "fewer than busy" });
    expect(full?.total).toBeLessThanOrEqual(95);
  });
  test("a larger server gets a higher ceiling only when 95 is too low", () => {
    const large = { max: 500, superuserReserved: 3, reserved: 5, used: 0 };
    expect(planPools([seen("api", 20)], 28, large)?.ceiling).toBe(95);
    expect(planPools([seen("api", 200)], 28, large)).toMatchObject({ fit: "with surge", ceiling: 490 });
  });
  test("or not at all", () => {
    expect(planPools([seen("api", 1), seen("worker", 1)], 94, slots)).toBeUndefined();
    expect(planPools([], 28, slots)).toMatchObject({ total: 28 });
  });
});
