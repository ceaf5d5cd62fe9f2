import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { PolicyServer, unknownValue } from "./policy-server.ts";
import { runbookEntries } from "./resources.ts";

const root = join(import.meta.dirname, "../..");
const budgetType = "pgaccess:index:ConnectionBudget";
const roleType = "postgresql:index/role:Role";

const json = (path: string) =>
  JSON.parse(readFileSync(join(root, path), "utf8")) as Record<string, unknown> &
    Record<"dependencies", Record<string, string>>;

test("the pack has the version of the project and its versions of the SDKs", () => {
  const project = json("package.json");
  const pack = json("policies/package.json");
  expect(pack.version).toBe(project.version);
  expect(parse(readFileSync(join(root, "policies/PulumiPolicy.yaml"), "utf8"))).toMatchObject({
    version: project.version,
  });
  // The project accepts later versions of the SDK too, so that a program that uses it has one copy.
  expect(pack.dependencies).toEqual({
    "@pulumi/policy": project.dependencies["@pulumi/policy"],
    "@pulumi/pulumi": project.dependencies["@pulumi/pulumi"]?.replace("^", ""),
  });
});

describe.each(["the sources", "the published pack"])("%s", (which) => {
  let folder: string | undefined;
  let server: PolicyServer;

  beforeAll(async () => {
    if (which === "the published pack") folder = publishedPack();
    server = await PolicyServer.start(folder ?? join(root, "policies"));
  });

  afterAll(async () => {
    await server.stop();
    if (folder) rmSync(join(folder, ".."), { recursive: true });
  });

  test("serve every policy", async () => {
    expect(await server.names()).toEqual([
      "connection-budget",
      "limited-roles",
      "unprivileged-roles",
      "session-timeouts",
      "pools-fit",
      "legacy-services",
      "no-legacy-services",
      "live-roles",
      "bounded-live-roles",
    ]);
  });

  test("refuse a budget above the ceiling before it is applied", async () => {
    const entries = [...runbookEntries, { role: "etl", limit: 10, source: "existing" }];
    const found = await server.analyze({ type: budgetType, name: "budget", props: { ceiling: 95, entries } });
    expect(found).toEqual([expect.stringMatching(/^mandatory connection-budget: [\s\S]*add up to 96, 1 above/)]);
  });

  test("report an unknown value as a mandatory violation", async () => {
    const role = { name: "etl", login: true, connectionLimit: unknownValue, superuser: unknownValue };
    const found = await server.analyze({ type: roleType, name: "etl", props: role });
    expect(found).toEqual([
      expect.stringMatching(/^mandatory limited-roles: [\s\S]*the connection limit of etl is not known yet/),
      expect.stringMatching(/^mandatory unprivileged-roles: [\s\S]*may be SUPERUSER/),
    ]);
    const budget = { ceiling: 95, entries: [{ role: "etl", limit: unknownValue, source: "declared" }] };
    expect(await server.analyze({ type: budgetType, name: "budget", props: budget })).toEqual([
      expect.stringMatching(/^mandatory connection-budget: [\s\S]*cannot be added up/),
    ]);
  });

  test("check the whole stack", async () => {
    const pool = { max: 6, replicas: 1, surge: 0 };
    const found = await server.analyzeStack([
      { type: budgetType, name: "budget", props: { ceiling: 95, entries: runbookEntries } },
      { type: roleType, name: "etl", props: { name: "etl", login: true, connectionLimit: 10 } },
      { type: roleType, name: "cron_app", props: { name: "cron_app", login: true, connectionLimit: 5 } },
      {
        type: "app-roles:index:Service",
        name: "cron",
        props: { service: "cron", role: "cron_app", connectAs: "legacy", migrates: "unconfirmed", pool },
      },
      {
        type: "app-roles:index:Service",
        name: "etl",
        props: { service: "etl", role: "etl", connectAs: "legacy", migrates: "unconfirmed", pool },
      },
    ]);
    expect(found.at(-1)).toContain("2 services still log in as the legacy user: cron, etl;");
    expect(found.map((line) => line.split("\n").join(" ").slice(0, 30))).toEqual([
      expect.stringMatching(/^mandatory connection-budget/),
      ...Array(4).fill(expect.stringMatching(/^mandatory session-timeouts/)),
      expect.stringMatching(/^mandatory pools-fit/),
      expect.stringMatching(/^advisory legacy-services/),
    ]);
  });

  test("report live roles as advisory until the migration is complete", async () => {
    const props = {
      ceiling: 95,
      entries: runbookEntries,
      undeclared: { old_app: "unlimited", postgres: "unlimited, superuser" },
      superusers: ["postgres"],
      unlimited: {},
    };
    expect(await server.analyze({ type: budgetType, name: "budget", props })).toEqual([
      expect.stringMatching(/^advisory live-roles: [\s\S]*old_app/),
      expect.stringMatching(/^advisory live-roles: [\s\S]*postgres/),
    ]);
    expect(
      await server.analyze({ type: budgetType, name: "budget", props: { ...props, migrationComplete: true } }),
    ).toEqual([expect.stringMatching(/^mandatory bounded-live-roles: [\s\S]*old_app/)]);
  });

  test("read another ceiling from the policy's configuration", async () => {
    const budget = { type: budgetType, name: "budget", props: { ceiling: 200, entries: runbookEntries } };
    expect(await server.analyze(budget)).toEqual([]);
    await server.configure("connection-budget", { ceiling: 85 }, "mandatory");
    expect(await server.analyze(budget)).toEqual([expect.stringContaining("1 above the ceiling of 85")]);
  });
});

/** The upload of `pulumi policy publish`, unpacked; the engine installs the pack's dependencies there. */
function publishedPack(): string {
  const temporary = mkdtempSync(join(tmpdir(), "app-roles-policies-"));
  const printed = execFileSync("npm", ["pack", "--loglevel=error", `--pack-destination=${temporary}`], {
    cwd: join(root, "policies"),
    encoding: "utf8",
  });
  // Pulumi reads everything that is printed as the file's name.
  execFileSync("tar", ["xzf", join(temporary, printed.trim()), "-C", temporary]);
  const folder = join(temporary, "package");
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  return folder;
}
