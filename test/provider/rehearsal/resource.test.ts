import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Server } from "../../../provider/postgres/connection.ts";
import { rehearsal } from "../../../provider/rehearsal/resource.ts";
import { createLegacyEstate } from "../../../sandbox/legacy/index.ts";
import { testCall } from "../calls.ts";
import { observe } from "../observe.ts";
import { startPostgres, type TestPostgres } from "../postgres.ts";

const database = "fleet_platform";
type Inputs = Parameters<ReturnType<typeof rehearsal>["plan"]>[0];

let postgres: TestPostgres;
let server: Server;
let resource: ReturnType<typeof rehearsal>;
let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "app-roles-rehearsal-"));
  postgres = await startPostgres();
  await createLegacyEstate(postgres.address);
  server = new Server(postgres.address);
  resource = rehearsal(server);
});
afterAll(async () => {
  await server.close();
  await postgres.stop();
  await rm(dir, { recursive: true });
});

const inputs = (more: Partial<Inputs> = {}): Inputs => ({
  database,
  schemas: ["fleet"],
  owner: "fleet_owner",
  keepOwner: {},
  alsoOwn: [],
  roles: [{ role: "fleet_owner", access: "owner", settings: {} }],
  files: [],
  ...more,
});

test("is planned only if there is something to move or grant", async () => {
  const db = await postgres.connect({ database });
  const planned = await resource.plan(inputs(), undefined, {});
  expect(planned.changes.rehearsal).toMatch(/^objects to move: [1-9]\d*, privileges to grant: [1-9]\d*$/);
  const before = await observe(db);
  // Nothing to move and no role to grant anything.
  const { changes } = await resource.plan(inputs({ owner: undefined, roles: [] }), undefined, {});
  expect(changes).toEqual({});
  expect(await observe(db)).toEqual(before);
});

test("the state holds the digest of a file, so that a changed text is rehearsed again", async () => {
  const file = join(dir, "next.sql");
  await writeFile(file, "CREATE TABLE fleet.secretly_created ()");
  const first = await resource.plan(inputs({ files: [file] }), undefined, {});
  expect(JSON.stringify(first.observed)).not.toContain("secretly_created");
  await writeFile(file, "CREATE TABLE fleet.created_otherwise ()");
  const second = await resource.plan(inputs({ files: [file] }), undefined, {});
  expect(second.observed).not.toEqual(first.observed);
  await expect(resource.plan(inputs({ files: [join(dir, "none.sql")] }), undefined, {})).rejects.toThrow(
    /none\.sql: ENOENT/,
  );
});

test("passes with a summary, fails with the problems, and leaves nothing behind", async () => {
  const db = await postgres.connect({ database });
  const before = await observe(db);
  const call = testCall();
  expect(await resource.apply(inputs(), undefined, call)).toMatch(
    /^fleet_platform: rehearsed \d+ objects with \d+ checks, all passed; longest hold \d+ ms$/,
  );
  const file = join(dir, "bad.sql");
  await writeFile(file, "SELECT 1;\nRESET ROLE;\n");
  await expect(resource.apply(inputs({ files: [file] }), undefined, call)).rejects.toThrow(
    /nothing was changed[\s\S]*bad\.sql line 2[\s\S]*change the role/,
  );
  await resource.remove(inputs(), call);
  expect(await observe(db)).toEqual(before);
});
