import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createEstate, type Estate } from "../e2e/estate.ts";
import { filled, type Kept, preparation } from "./kept.ts";

/** Released versions with a saved state; record.ts writes one. */
const versions = readdirSync(import.meta.dirname).flatMap((name) => /^(\d.*)\.json$/.exec(name)?.[1] ?? []);

describe.each(versions)("a stack of version %s", (version) => {
  let estate: Estate;
  let before: Awaited<ReturnType<Estate["observe"]>>;
  let kept: Kept;

  beforeAll(async () => {
    estate = await createEstate();
    const { postgres, sandbox } = estate;
    await estate.query("postgres", preparation);
    const text = readFileSync(join(import.meta.dirname, `${version}.json`), "utf8");
    await renamePartitions(estate, text);
    before = await estate.observe();
    const connect = async (database: string) => {
      const db = new pg.Client(postgres.url(database));
      await db.connect();
      return db;
    };
    kept = await filled(
      JSON.parse(text) as Kept,
      { dir: sandbox.dir, port: postgres.port, password: postgres.password },
      connect,
    );

    for (const { database, sql } of kept.statements) await estate.query(database, `${sql};\nSELECT`);
    for (const [path, { mode, text }] of Object.entries(kept.files)) {
      mkdirSync(dirname(join(sandbox.dir, path)), { recursive: true });
      writeFileSync(join(sandbox.dir, path), text);
      chmodSync(join(sandbox.dir, path), mode);
    }
    const stackFile = join(sandbox.dir, "Pulumi.prod.yaml");
    const salt = /^encryptionsalt: (.*)$/m.exec(readFileSync(stackFile, "utf8"))?.[1];
    writeFileSync(stackFile, `${kept.stackFile}encryptionsalt: ${salt}\n`);
    kept.state.deployment.secrets_providers = { type: "passphrase", state: { salt } };
    const { code, stderr } = await sandbox.pulumi(["stack", "import"], { input: JSON.stringify(kept.state) });
    expect(code, stderr).toBe(0);
  });
  afterAll(() => estate.remove());

  test.each([
    ["with a refresh", []],
    ["without", ["--refresh=false"]],
  ])("is previewed without a change, %s: every resource is registered again", async (_, options) => {
    const { stdout } = await estate.pulumi(["preview", "--json", "--show-sames", "--expect-no-changes", ...options]);
    const { steps, changeSummary } = JSON.parse(stdout) as {
      steps: { op: string; urn: string }[];
      changeSummary: Record<string, number>;
    };
    // The engine creates default providers itself and does not print them.
    const urns = kept.state.deployment.resources
      .map(({ urn }) => urn)
      .filter((urn) => !urn.includes("pulumi:providers:random::default"));
    const same = steps.filter(({ op }) => op === "same").map(({ urn }) => urn);
    expect(same.sort()).toEqual(urns.sort());
    expect(changeSummary).toEqual({ same: urns.length });
  });

  test("can be rolled back and destroyed, which restores the server to its state before the previous version's first up", async () => {
    await estate.sandbox.setConfig("services.dashboard_api.connectAs", "legacy");
    await estate.up();
    await estate.pulumi(["destroy", "--yes", "--skip-preview"]);
    expect(await estate.observe()).toEqual(before);
  });
});

/** The estate's partitions are named by the days before today; the state has those of the day when it was recorded. */
async function renamePartitions({ query }: Estate, recorded: string): Promise<void> {
  const days = (text: string) => [...new Set(text.match(/(?<=position_history_)20\d{6}/g))].sort();
  const rows = await query<{ name: string }>(
    "tracksolid_db",
    "SELECT relname AS name FROM pg_class WHERE relname LIKE 'position\\_history\\_20%'",
  );
  const names = rows.map(({ name }) => name);
  const wanted = days(recorded);
  for (const [index, day] of days(names.join()).entries()) {
    if (day === wanted[index]) continue;
    for (const name of names.filter((each) => each.includes(day))) {
      const kind = name.endsWith(day) ? "TABLE" : "INDEX";
      await query(
        "tracksolid_db",
        `ALTER ${kind} tracksolid.${name} RENAME TO ${name.replace(day, String(wanted[index]))}`,
      );
    }
  }
}
