import { setTimeout as sleep } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { PatientLooks } from "../../../cli/cutover/patient-looks.ts";

const signal = new AbortController().signal;
const failing = () => undefined;

test("a failed look is retried, and the clock stops meanwhile", async () => {
  let looks = 0;
  const told: string[] = [];
  const look = async () => {
    looks++;
    if (looks < 3) throw new Error(`down ${looks}`);
    return looks;
  };
  const patient = new PatientLooks(look, signal, ({ message }) => told.push(message), { interval: 30 });
  expect(await patient.take()).toBe(3);
  expect(told).toEqual(["down 1", "down 2"]);
  expect([patient.count, patient.last?.seen]).toEqual([1, 3]);
  expect(patient.unseen).toBeGreaterThan(0);
  vi.useFakeTimers();
  expect(patient.now()).toBe(Date.now() - patient.unseen);
  vi.useRealTimers();
});

test("the error is thrown after the patience; the last observation is kept", async () => {
  let isDown = false;
  const look = async () => {
    if (isDown) throw new Error("down");
    return "well";
  };
  const patient = new PatientLooks(look, signal, failing, { patience: 20, interval: 5 });
  await patient.take();
  isDown = true;
  await expect(patient.take()).rejects.toThrow("down");
  expect(patient.last?.seen).toBe("well");
});

test("a hanging look times out, and an interruption does not wait for it", async () => {
  const never = () => new Promise<never>(() => undefined);
  const late = new PatientLooks(never, signal, failing, { patience: 1, timeout: 5, interval: 1 });
  await expect(late.take()).rejects.toThrow("no answer in 1s");
  const cancel = new AbortController();
  const taken = new PatientLooks(never, cancel.signal, failing).take();
  await sleep(1);
  cancel.abort();
  await expect(taken).rejects.toThrow("interrupted");
});
