import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { state } from "../../../cli/doctor/state.ts";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "app-roles-state-test-"));
  const pulumi = `#!/bin/sh
case "$1 $2" in
  "whoami --json") echo '{"url": "s3://key:hunter22@bucket?token=hunter23"}' ;;
  "stack ls") cat ${dir}/stacks ;;
  "stack export") cat ${dir}/state ;;
esac
`;
  await writeFile(join(dir, "pulumi"), pulumi, { mode: 0o755 });
  vi.stubEnv("PATH", `${dir}:${process.env.PATH}`);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(dir, { recursive: true });
});

async function findings(deployment: object, stack: object = {}) {
  await writeFile(join(dir, "stacks"), JSON.stringify([{ name: "acme/prod", ...stack }]));
  await writeFile(join(dir, "state"), JSON.stringify({ deployment }));
  return state("prod");
}

const urn = "urn:pulumi:prod::app-roles::pulumi:pulumi:Stack::app-roles-prod";
const resources = [{ urn, type: "pulumi:pulumi:Stack" }];

test("a valid state, and an empty one", async () => {
  const [backend, lock, whole] = await findings({ resources });
  expect(backend).toEqual({ what: "backend", state: "ok", found: "s3://bucket" });
  expect(lock).toMatchObject({ state: "unknown", found: "this backend reports it only when an up begins" });
  expect(whole).toEqual({ what: "state", state: "ok", found: "1 resources" });
  expect((await findings({}))[2]).toEqual({ what: "state", state: "ok", found: "empty: no up has completed yet" });
});

test("each operation that a killed up left open is reported, with the fix", async () => {
  const pending_operations = [{ type: "creating", resource: { urn: `${urn}.role` } }];
  expect((await findings({ resources, pending_operations }))[2]).toEqual({
    what: "state",
    state: "wrong",
    found: `a killed up left 1 operation open\ncreating ${urn}.role`,
    next: "run pulumi up, which queries the server for what was done and continues",
  });
});

test("a running update, if the backend reports it", async () => {
  expect((await findings({ resources }, { updateInProgress: true }))[1]).toMatchObject({
    state: "wrong",
    found: "an update is in progress",
  });
  expect((await findings({ resources }, { updateInProgress: false }))[1]).toMatchObject({ state: "ok", found: "free" });
});
