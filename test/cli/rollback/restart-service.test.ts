import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Exported } from "../../../cli/pulumi/state.ts";
import { findRollback } from "../../../cli/rollback/find-source.ts";
import { restartOnLegacy, runtimeOf, scriptOfRecord, secretsIn } from "../../../cli/rollback/restart-service.ts";
import { toResource } from "../../../provider/reconciler.ts";
import { rollbackScript } from "../../../provider/rollback-kit/resource.ts";
import { Secret } from "../../../provider/rpc/values.ts";
import { testCall } from "../../provider/calls.ts";

const legacyUrl = "postgres://postgres:oldsecret@db/shop";
const secret = (value: unknown) => ({
  "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
  plaintext: JSON.stringify(value),
});
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "app-roles-way-back-test-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** A state with one service and these resources, as in `pulumi stack export --show-secrets`. */
function stateWith(...resources: { type: string; inputs: Record<string, unknown> }[]): Exported {
  const component = "urn:pulumi:prod::app-roles::app-roles:index:Service::api";
  return {
    resources: [
      { urn: component, type: "app-roles:index:Service" },
      ...resources.map(({ type, inputs }) => ({
        urn: `urn:pulumi:prod::app-roles::app-roles:index:Service$pgaccess:index:${type}::api`,
        type: `pgaccess:index:${type}`,
        parent: component,
        inputs,
      })),
    ],
  };
}
const command = { path: "/srv/keep.sh", args: [] };
const record = { service: "api", urlKey: "DATABASE_URL", stack: "prod", legacyUrl: secret(legacyUrl), changes: {} };
const onRole = { connectAs: "role" };

test("a rollback by the state: from the record, from the resource that starts the service, or by an up", () => {
  const gate = { type: "CutoverGate", inputs: onRole };
  const recorded = findRollback(
    stateWith({ type: "RollbackScript", inputs: { ...record, command, folder: "kit" } }, gate),
    "api",
  );
  expect(recorded).toMatchObject({ by: "script", record: { command, legacyUrl, stack: "prod" } });
  const env = {
    ...onRole,
    service: "api",
    urlKey: "DATABASE_URL",
    command,
    legacyUrl: secret(legacyUrl),
    role: "shop",
  };
  expect(findRollback(stateWith({ type: "ServiceEnv", inputs: env }, gate), "api")).toMatchObject({
    by: "script",
    record: { command, legacyUrl, stack: "prod" },
  });
  expect(findRollback(stateWith({ type: "ServiceUrl", inputs: onRole }, gate), "api")).toEqual({ by: "up" });
  expect(findRollback(stateWith({ type: "ServiceUrl", inputs: onRole }), "api")).toEqual({ by: "hand" });
  expect(findRollback(stateWith({ type: "ServiceUrl", inputs: { connectAs: "legacy" } }), "api")).toEqual({
    by: "nothing",
  });
  expect(() =>
    findRollback(stateWith({ type: "LegacyUrl", inputs: { migrationComplete: true } }, gate), "api"),
  ).toThrow(/no longer has a legacy URL/);
  expect(() => findRollback(stateWith(), "nobody")).toThrow(/has no service nobody; nothing was changed/);
});

test("a recorded container is created with its environment, whose values no message reveals", async () => {
  const container = { name: "api", create: { options: [], image: "shop", words: [] }, networks: {} };
  const env = secret({ STRIPE_KEY: "sk_live_1234", LEVEL: "info" });
  const way = findRollback(stateWith({ type: "RollbackScript", inputs: { ...record, container, env } }), "api");
  if (way.by !== "script") throw new Error("no script");
  const script = await scriptOfRecord(way.record);
  expect(runtimeOf(way.record)).toBe("container");
  expect(secretsIn(script)).toEqual(expect.arrayContaining([legacyUrl, "oldsecret", "sk_live_1234"]));
  expect(secretsIn(script)).not.toContain("info");
});

test("a script leaves no files, and its error holds no secrets", async () => {
  const text = (then: string) =>
    `#!/bin/sh\n# kit\nurl=$(cat <<'END_1'\n${legacyUrl}\nEND_1\n)\necho "$0 $(ls -ld "$(dirname "$0")" | cut -c1-10)" >${folder}/seen\n${then}\n`;
  expect(await restartOnLegacy(text(`[ ! -e "$0" ]`), "command")).toContain("reads that URL back");
  const [script = "", mode] = (await readFile(join(folder, "seen"), "utf8")).trim().split(" ");
  expect(mode).toBe("drwx------");
  await expect(readdir(join(script, ".."))).rejects.toMatchObject({ code: "ENOENT" });
  const failure = await restartOnLegacy(text('echo "cannot reach $url with oldsecret" >&2; exit 3'), "command").catch(
    String,
  );
  expect(failure).toContain("exit code 3");
  expect(failure).toContain("cannot reach [secret] with [secret]");
});

test("without rollbackKit the record writes a script only for the command that requests it", async () => {
  const resource = toResource(rollbackScript());
  const news = { ...record, changes: {}, legacyUrl: new Secret(legacyUrl), command };
  const check = () => resource.check(testCall(), { news, randomSeed: new Uint8Array() });
  const { inputs } = await check();
  await resource.create(testCall(), { inputs, preview: false, timeout: 0 });
  expect([inputs.changes, await readdir(folder)]).toEqual([{}, []]);
  vi.stubEnv("APP_ROLES_HANDOVER", JSON.stringify({ service: "another", folder }));
  await check();
  expect(await readdir(folder)).toEqual([]);
  vi.stubEnv("APP_ROLES_HANDOVER", JSON.stringify({ service: "api", folder }));
  await check();
  vi.unstubAllEnvs();
  expect(await readFile(join(folder, "api.sh"), "latin1")).toContain(legacyUrl);
});
