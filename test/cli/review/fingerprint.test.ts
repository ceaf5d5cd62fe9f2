import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { EngineEvent } from "../../../cli/pulumi/event-log.ts";
import { configDigests, fingerprintOf, fingerprintSchema, moved } from "../../../cli/review/fingerprint.ts";
import { previewOf, recorded, reordered } from "./recorded.ts";

let folder: string;
let config: string;
let text: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "app-roles-fingerprint-"));
  config = join(folder, "Pulumi.prod.yaml");
  text = await readFile("Pulumi.prod.yaml", "utf8");
  await writeFile(config, text);
});
afterAll(() => rm(folder, { recursive: true }));

const of = (events: EngineEvent[], file = config, folders: string[] = []) =>
  fingerprintOf("acme/shop/prod", previewOf(events), file, folders);

test("the same preview has the same fingerprint, byte by byte, in any order of events", async () => {
  const first = await of(recorded("change"));
  const again = JSON.stringify(await of(reordered(recorded("change"))));
  expect(again === JSON.stringify(first)).toBe(true);
  expect(fingerprintSchema.parse(JSON.parse(JSON.stringify(first)))).toEqual(first);
  expect(moved(first, await of(recorded("change")))).toEqual([]);
  expect(first.stack).toBe("prod");
  expect(Object.keys(first.code)).toEqual(
    expect.arrayContaining(["Pulumi.yaml", "index.ts", "package-lock.json", "config/parse-stack.ts"]),
  );
  expect(Object.keys(first.code).join()).not.toContain("node_modules");
});

test("says which key of the configuration moved; a secret counts by its encrypted text", async () => {
  const digests = configDigests(
    'encryptionsalt: a\nconfig:\n  app-roles:adminPassword: {secure: v1:abc}\n  app-roles:roles: {"a.b": {connectionLimit: 8, access: {}}}\n',
  );
  expect(Object.keys(digests)).toEqual([
    "app-roles:adminPassword",
    'app-roles:roles["a.b"].access',
    'app-roles:roles["a.b"].connectionLimit',
    "encryptionsalt",
  ]);
  expect(JSON.stringify(digests)).not.toContain("v1:abc");
  const other = join(folder, "other.yaml");
  await writeFile(other, text.replace("connectionLimit: 30", "connectionLimit: 31"));
  expect(moved(await of(recorded("change")), await of(recorded("change"), other))).toEqual([
    "configuration: app-roles:roles.tracksolid_owner.connectionLimit was changed",
  ]);
});

test("says which file of the program or of a policy pack moved", async () => {
  const pack = join(folder, "pack");
  await mkdir(pack);
  await writeFile(join(pack, "index.js"), "1");
  const before = await of(recorded("change"), config, [pack]);
  await writeFile(join(pack, "index.js"), "2");
  expect(moved(before, await of(recorded("change"), config, [pack]))).toEqual([
    `code: ${join(pack, "index.js")} was changed`,
  ]);
});

test("generated files do not count: not every checkout has them", async () => {
  const before = process.cwd();
  const project = join(folder, "project");
  await mkdir(project);
  process.chdir(project);
  try {
    await writeFile("index.ts", "1");
    const first = await of(recorded("change"), config);
    for (const generated of ["dist/bundle/program", "policies/built/policies"]) {
      await mkdir(generated, { recursive: true });
      await writeFile(join(generated, "main.js"), "1");
    }
    expect(Object.keys(first.code)).toEqual(["index.ts"]);
    expect(moved(first, await of(recorded("change"), config))).toEqual([]);
  } finally {
    process.chdir(before);
  }
});

test("says which resource and which object moved", async () => {
  const before = await of(recorded("change"));
  const events = recorded("change");
  for (const { resourcePreEvent: event } of events) {
    const inputs = event?.metadata.new?.inputs;
    if (event?.metadata.type !== "pgaccess:index:Privileges" || !inputs) continue;
    const { "tickets.tickets": _gone, ...changes } = inputs.changes as Record<string, string>;
    inputs.changes = { ...changes, "tickets.new": "grant SELECT", "reporting.trips": "grant INSERT" };
  }
  expect(moved(before, await of(events))).toEqual([
    "pgaccess:index:Privileges audit_app.tracksolid_db: reporting.trips: grant INSERT instead of grant SELECT",
    "pgaccess:index:Privileges audit_app.tracksolid_db: tickets.tickets: grant SELECT is no longer needed or possible",
    "pgaccess:index:Privileges audit_app.tracksolid_db: tickets.new: grant SELECT, which was not reviewed",
  ]);
  const without = recorded("change").filter(
    ({ resourcePreEvent: event }) => !event?.metadata.urn.endsWith("Role::audit_app"),
  );
  expect(moved(before, await of(without))).toContain(
    "postgresql:index/role:Role audit_app: no change instead of create",
  );
});

test("the live value that an up of an official role starts from counts, a new table that the up does not touch does not", async () => {
  const before = await of(recorded("drift"));
  const events = recorded("drift");
  const role = events.find(
    ({ resourcePreEvent: event }) => event?.metadata.op === "update" && event.metadata.type?.includes("Role"),
  );
  Object.assign(role?.resourcePreEvent?.metadata.old?.outputs ?? {}, { connectionLimit: 60 });
  expect(moved(before, await of(events))).toEqual([
    "postgresql:index/role:Role dashboard_app: its properties change in another way",
  ]);
  const baseline: EngineEvent = {
    resourcePreEvent: {
      metadata: {
        ...{
          urn: "urn:pulumi:prod::app-roles::pgaccess:index:Baseline::shop",
          type: "pgaccess:index:Baseline",
          op: "update",
        },
        ...{ old: { inputs: {} }, new: { inputs: { snapshot: { owners: { "a.b": "c" } } } }, diffs: ["snapshot"] },
      },
    },
  };
  expect(moved(before, await of([...recorded("drift"), baseline]))).toEqual([]);
});
