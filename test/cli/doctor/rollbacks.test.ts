import { afterAll, beforeAll, expect, test } from "vitest";
import { report } from "../../../cli/doctor/finding.ts";
import { rollbackFindings } from "../../../cli/doctor/rollbacks.ts";
import type { ConfiguredStack } from "../../../cli/pulumi/read-stack.ts";
import { startPostgres, type TestPostgres } from "../../provider/postgres.ts";

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startPostgres();
  const admin = await postgres.connect();
  await admin.query(
    "CREATE ROLE legacy LOGIN PASSWORD 'legacy-password'; CREATE ROLE barred PASSWORD 'legacy-password'",
  );
});
afterAll(() => postgres?.stop());

const url = (login: string) => `postgres://${login}@db/shop`;

interface Declared {
  connectAs?: "role" | "legacy";
  /** In its RollbackScript in the state. */
  recorded?: string;
  /** In the configuration. */
  given?: string;
  /** In its LegacyUrl in the state, as found. */
  kept?: string;
}

/** Doctor's lines for these services. */
async function linesOf(
  services: Record<string, Declared>,
  more: Partial<ConfiguredStack> = {},
  admin = postgres.address,
) {
  const resources = Object.entries(services).flatMap(([name, { connectAs = "role", recorded, kept }]) => {
    const component = `urn:pulumi:prod::app-roles::app-roles:index:Service::${name}`;
    const child = (type: string, inputs: object, outputs: object = {}) => ({
      ...{ urn: `${component}.${type}`, type: `pgaccess:index:${type}`, parent: component },
      ...{ inputs: { ...inputs }, outputs: { ...outputs } },
    });
    const record = { service: name, urlKey: "DATABASE_URL", stack: "prod", legacyUrl: recorded };
    return [
      { urn: component, type: "app-roles:index:Service" },
      child("ServiceUrl", { connectAs }),
      ...(kept ? [child("LegacyUrl", {}, { url: kept })] : []),
      ...(recorded ? [child("RollbackScript", { ...record, command: { path: "./keep.sh", args: [] } })] : []),
    ];
  });
  const stack = {
    services: Object.keys(services).map((name) => ({ name })),
    serviceSecrets: Object.fromEntries(
      Object.entries(services).flatMap(([name, { given }]) => (given ? [[name, { legacyUrl: given }]] : [])),
    ),
    migrationComplete: false,
    ...more,
  } as unknown as ConfiguredStack;
  const found = await rollbackFindings({ resources }, stack, admin);
  const text = report(found);
  expect(text).not.toMatch(/(legacy|dead)-password/);
  expect(found.every(({ state }) => state === "wrong")).toBe(true);
  return { names: found.map(({ what }) => what), text };
}

test("each legacy URL that cannot log in has a line with the server's error and the fix; working ones have none", async () => {
  const { names, text } = await linesOf({
    works: { recorded: url("legacy:legacy-password") },
    dead: { recorded: url("legacy:dead-password") },
    external: { given: url("legacy:dead-password") },
    found: { kept: url("barred:legacy-password") },
    gone: { recorded: url("gone:legacy-password") },
    made: {},
    never: { connectAs: "legacy", recorded: url("legacy:dead-password") },
  });
  expect(names).toEqual(["dead", "external", "found", "gone"].map((name) => `rollback of ${name}`));
  expect(text).toMatch(
    /rollback of dead +WRONG +its legacy URL cannot log in: \S+ refuses the password of legacy \(28P01\)/,
  );
  expect(text).toMatch(/rollback of found +WRONG +its legacy URL cannot log in: barred cannot log in \(NOLOGIN\)/);
  expect(text).toMatch(/rollback of gone +WRONG +its legacy URL cannot log in: the server has no role gone/);
  expect(text).toContain(
    "rollback of dead: set a working URL: pulumi config set --secret --path app-roles:serviceSecrets.dead.legacyUrl --stack prod, then pulumi up",
  );
});

test("the URL that a rollback would use is tried: the record takes precedence over an unrecorded URL", async () => {
  const [works, dead] = [url("legacy:legacy-password"), url("legacy:dead-password")];
  expect((await linesOf({ api: { recorded: dead, given: works, kept: works } })).names).toEqual(["rollback of api"]);
  expect((await linesOf({ api: { recorded: works, given: dead, kept: dead } })).names).toEqual([]);
});

test("nothing is reported if no login can be tried, nor once the migration is complete", async () => {
  const dead = { api: { recorded: url("legacy:dead-password") } };
  expect((await linesOf(dead, {}, { ...postgres.address, port: 1 })).names).toEqual([]);
  expect((await linesOf(dead, {}, { ...postgres.address, password: "wrong" })).names).toEqual([]);
  expect((await linesOf(dead, { migrationComplete: true })).names).toEqual([]);
});

test("a pendingAdminPassword is reported with the command that finishes the change", async () => {
  const { text } = await linesOf({}, { pendingAdminPassword: "legacy-password" });
  expect(text).toMatch(
    /password +WRONG +app-roles:pendingAdminPassword is set: a rotate-superuser was interrupted\n[\s\S]*password: run app-roles rotate-superuser, which finds out/,
  );
});

test("an unreadable record is reported and does not stop doctor", async () => {
  const { text } = await linesOf({ api: { recorded: 1 as unknown as string }, more: { recorded: url("gone:x") } });
  expect(text).toMatch(/rollback of api +WRONG +its recorded source in the state cannot be read/);
  expect(text).toMatch(/rollback of more +WRONG +its legacy URL cannot log in/);
});
