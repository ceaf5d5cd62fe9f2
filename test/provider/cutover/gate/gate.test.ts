import { expect, test } from "vitest";
import { type Look, noSessions, passGate, Unhealthy } from "../../../../provider/cutover/gate/gate.ts";
import { testCall } from "../../calls.ts";

const well: Look = { sessions: 2, pending: [], idleEnds: 0, failure: undefined };
const idle: Look = { sessions: 0, pending: [noSessions], idleEnds: 0, failure: undefined };
const failing: Look = {
  sessions: 1,
  pending: [],
  idleEnds: 0,
  failure: { reason: "the log says so", lines: ["permission denied"] },
};

/** Returns one look after the other, the last one forever. */
function looks(...given: [Look, ...Look[]]): (() => Promise<Look>) & { taken: number } {
  const look = async () => given[Math.min(look.taken++, given.length - 1)] as Look;
  look.taken = 0;
  return look;
}

const times = { timeout: 60_000, soak: 0 };

test("waits until the service is healthy, and reports what it waits for", async () => {
  const call = testCall();
  const look = looks(idle, well);
  expect(await passGate("api", times, look, call)).toBe(2);
  expect(look.taken).toBe(2);
  expect(call.lines).toEqual([`api: ${noSessions} (1min left)`]);
});

test("fails immediately, without waiting for the timeout", async () => {
  await expect(passGate("api", times, looks(failing), testCall())).rejects.toMatchObject({
    failure: { reason: "the log says so", lines: ["permission denied"] },
    sessions: 1,
  });
});

test("fails if the service is not healthy in time", async () => {
  const failed = passGate("api", { timeout: 1, soak: 0 }, looks(idle), testCall());
  await expect(failed).rejects.toThrow(Unhealthy);
  await expect(failed).rejects.toThrow(`${noSessions}, within 1s (gate.timeout)`);
});

test("keeps looking during the soak", async () => {
  const soaking = { timeout: 60_000, soak: 1500 };
  await expect(passGate("api", soaking, looks(well, failing), testCall())).rejects.toThrow("the log says so");
  const unhealthy: Look = { ...well, pending: ["the health status of api is unhealthy"] };
  await expect(passGate("api", soaking, looks(well, unhealthy), testCall())).rejects.toThrow("after it was healthy");
  await expect(passGate("api", { timeout: 1, soak: 1500 }, looks(well, idle), testCall())).rejects.toThrow(
    "after it had some",
  );
});

test("requires a session at the end: waits for a later one", async () => {
  const soaking = { timeout: 60_000, soak: 1 };
  expect(await passGate("api", soaking, looks(well, idle, idle, well), testCall())).toBe(2);
});

test("reports the sessions that idle_session_timeout has ended", async () => {
  const times = { timeout: 1, soak: 1 };
  const failed = passGate("api", times, looks(well, { ...idle, idleEnds: 2 }), testCall());
  await expect(failed).rejects.toThrow(
    /after it had some: 2 sessions were ended by the role's idle_session_timeout, and no new one was opened\. The service's pool must/,
  );
});

test("stops immediately when cancelled", async () => {
  const cancel = new AbortController();
  const call = { ...testCall(), signal: cancel.signal };
  const look = async () => {
    cancel.abort();
    return idle;
  };
  await expect(passGate("api", times, look, call)).rejects.toThrow("cancelled");
});
