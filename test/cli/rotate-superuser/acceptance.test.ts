import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { isAccepted } from "../../../cli/rotate-superuser/acceptance.ts";
import type { Finding } from "../../../cli/rotate-superuser/finding.ts";

const findings: Finding[] = ["container/api", "session/psql 17@local"].map((name) => ({
  name,
  found: "seen",
  afterwards: "fails",
}));
const options = { watch: 600_000, accept: [], yes: false };
let asked: string[];
const answering = (answer: (question: string) => boolean) => async (question: string) => {
  asked.push(question);
  return answer(question);
};
let said: string[];

beforeEach(() => {
  asked = [];
  said = [];
  vi.spyOn(console, "error").mockImplementation((line: string) => void said.push(line));
  vi.spyOn(console, "log").mockImplementation(() => undefined);
});
afterEach(() => vi.restoreAllMocks());

test("asks for each finding, then for the change", async () => {
  expect(
    await isAccepted(
      findings,
      "postgres",
      options,
      answering(() => true),
    ),
  ).toBe(true);
  const change = "Change the password of postgres now?";
  expect(asked).toEqual(["Accept container/api?", "Accept session/psql 17@local?", change]);
});

test("one no changes nothing: the flags that accept all findings are printed, quoted for the shell", async () => {
  expect(
    await isAccepted(
      findings,
      "postgres",
      options,
      answering((question) => /api/.test(question)),
    ),
  ).toBe(false);
  expect(said[0]).toContain("1 of 2 are not accepted: session/psql 17@local.");
  expect(said[0]).toContain("--watch 10min --accept container/api --accept 'session/psql 17@local' --yes");
});

test("without a terminal, every finding and the change must be accepted by flags", async () => {
  const accept = findings.map(({ name }) => name);
  const nobody = undefined;
  expect(await isAccepted(findings, "postgres", { ...options, yes: true }, nobody)).toBe(false);
  expect(await isAccepted(findings, "postgres", { ...options, accept }, nobody)).toBe(false);
  expect(await isAccepted(findings, "postgres", { ...options, accept, yes: true }, nobody)).toBe(true);
  expect(await isAccepted([], "postgres", { ...options, yes: true }, nobody)).toBe(true);
});

test("--yes accepts no finding, and a no at the end changes nothing", async () => {
  expect(
    await isAccepted(
      findings,
      "postgres",
      { ...options, yes: true },
      answering(() => false),
    ),
  ).toBe(false);
  expect(
    await isAccepted(
      [],
      "postgres",
      options,
      answering(() => false),
    ),
  ).toBe(false);
});
