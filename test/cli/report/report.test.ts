import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import * as subjects from "../../../cli/audit/subject.ts";
import { report } from "../../../cli/report/report.ts";
import type { Server } from "../../../provider/postgres/connection.ts";
import { createLegacyEstate } from "../../../sandbox/legacy/index.ts";
import { startPostgres, type TestPostgres } from "../../provider/postgres.ts";
import { deploy } from "../audit/deployed.ts";

// The stack is declared here, so no pulumi runs.
vi.mock(import("../../../cli/audit/subject.ts"), async (original) => ({ ...(await original()), findSubject: vi.fn() }));
// What happens immediately before the owners are read.
let beforeOwners: (server: Server) => Promise<unknown> = async () => undefined;
vi.mock(import("../../../cli/report/ownership.ts"), async (original) => {
  const { readSchemaOwners } = await original();
  return {
    readSchemaOwners: async (server, from) => {
      await beforeOwners(server);
      return readSchemaOwners(server, from);
    },
  };
});

let postgres: TestPostgres;
let declared: subjects.Declared;
let folder: string;
const said: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "app-roles-report-"));
  postgres = await startPostgres();
  await createLegacyEstate(postgres.address);
  declared = await deploy(postgres, {
    server: { host: "127.0.0.1" },
    databases: {
      tracksolid_db: { schemas: ["tracksolid", "tickets"], owner: "tracksolid_owner" },
      fleet_platform: { schemas: ["fleet"] },
    },
    roles: {
      tracksolid_owner: { connectionLimit: 30, access: { tracksolid_db: "owner" } },
      dashboard_app: { connectionLimit: 8, access: { tracksolid_db: "reader" } },
    },
    services: { dashboard_api: { database: "tracksolid_db", role: "dashboard_app", migrates: false } },
  });
});
beforeEach(() => {
  said.length = 0;
  vi.spyOn(console, "log").mockImplementation((line: string) => void said.push(line));
  vi.mocked(subjects.findSubject).mockResolvedValue({ address: postgres.address, namedBy: "stack", declared });
});
afterAll(async () => {
  await postgres.stop();
  await rm(folder, { recursive: true });
});

test("the page has budget, roles with their sessions, owners before and now, services, and findings; names are escaped", async () => {
  const out = join(folder, "report.html");
  const admin = await postgres.connect();
  const hostile = '<img src=x onerror="alert(1)">';
  await admin.query(`CREATE ROLE ${admin.escapeIdentifier(hostile)} LOGIN CONNECTION LIMIT 3`);
  const session = await postgres.connect({
    user: "dashboard_app",
    password: "dashboard_app",
    database: "tracksolid_db",
  });
  expect(await report({ out, watch: 1500 })).toBe(0);
  await session.end();
  const page = await readFile(out, "utf8");
  expect(said).toEqual([expect.stringMatching(/report\.html: prod: \d+ findings/)]);
  expect((await stat(out)).mode & 0o777).toBe(0o644);
  // Nothing to load, and nothing that runs.
  expect(page.replaceAll(/"[^"]*"/g, '""')).not.toMatch(
    /<(script|link|img|iframe|object)|<[a-z][^>]*\s(src|href|on\w+)=|url\(|@import/,
  );
  expect(page).toContain("&lt;img src=x onerror=&quot;alert(1)&quot;&gt;");
  expect(page).not.toContain(postgres.address.password);
  const cells = (row: RegExp) =>
    row
      .exec(page)?.[0]
      .replaceAll(/<svg.*?<\/svg>/g, "")
      .replaceAll(/<[^>]+>/g, "|")
      .replaceAll(/\|+/g, "|");
  expect(cells(/<tr><th scope="row">declared limits<.*?<\/tr>/)).toBe("|declared limits|38|");
  expect(cells(/<tr><th scope="row">dashboard_app<.*?<\/tr>/)).toBe("|dashboard_app|1|1|8|8|");
  // Seven eighths of the way down from the limit.
  expect(page).toMatch(
    /aria-label="dashboard_app: 1 session now, at most 1, limit 8"[^>]*><line class="limit" x1="0" x2="180" y1="2" y2="2"\/><polyline points="0,23\.88 /,
  );
  expect(cells(/<tr><th scope="row">tracksolid_db<\/th><td data-label="schema">tickets<.*?<\/tr>/)).toMatch(
    /^\|tracksolid_db\|tickets\|postgres \d+\|tracksolid_owner \d+\|$/,
  );
  expect(cells(/<tr><th scope="row">fleet_platform<.*?<\/tr>/)).toMatch(
    /^\|fleet_platform\|fleet\|postgres (\d+)\|postgres \1\|$/,
  );
  expect(cells(/<tr><th scope="row">dashboard_api<.*?<\/tr>/)).toBe(
    "|dashboard_api|not deployed|dashboard_app|tracksolid_db|external|not needed: not deployed|",
  );
  expect(page).toMatch(/<td class="severity severity-medium">medium<\/td><td data-label="subject">Login roles<\/td>/);
});

test("a file that is not a report is kept, except with --force; a report is replaced", async () => {
  const out = join(folder, "notes.html");
  await writeFile(out, "<!DOCTYPE html>\nmine");
  await expect(report({ out })).rejects.toThrow(/notes\.html: the file exists and is not a report; .*--force/);
  expect(await readFile(out, "utf8")).toBe("<!DOCTYPE html>\nmine");
  await report({ out, force: true });
  await report({ out, quiet: true });
  expect(said).toHaveLength(1);
  expect(await readFile(out, "utf8")).toContain("<title>prod: connections and roles</title>");
  await expect(report({ out: folder })).rejects.toThrow(/--out/);
});

test("without a stack the page has no owners and no services", async () => {
  vi.mocked(subjects.findSubject).mockResolvedValue({ address: postgres.address, namedBy: "URL", declared: undefined });
  const out = join(folder, "server.html");
  await report({ out });
  const page = await readFile(out, "utf8");
  expect(page).not.toMatch(/<h2 id="(ownership|services)"/);
  expect(page).toMatch(/<h2 id="findings"/);
});

describe("a server that cannot be read leaves the previous report, and one line says what was being read", () => {
  const failing = async (words: RegExp) => {
    const out = join(folder, "server.html");
    const before = await readFile(out, "utf8");
    const errors: string[] = [];
    vi.spyOn(console, "error").mockImplementation((line: string) => void errors.push(line));
    expect(await report({ out, quiet: true })).toBe(2);
    expect(errors).toEqual([expect.stringMatching(words)]);
    expect(await readFile(out, "utf8")).toBe(before);
    expect((await readdir(folder)).filter((name) => name.startsWith("."))).toEqual([]);
  };
  afterEach(() => {
    beforeOwners = async () => undefined;
  });

  test("from the beginning", async () => {
    const address = { ...postgres.address, port: 1 };
    vi.mocked(subjects.findSubject).mockResolvedValue({ address, namedBy: "stack", declared });
    await failing(/^app-roles report: could not check: reading the sessions: cannot log in .*ECONNREFUSED.*$/);
  });

  test("if it ends the session during the last reading", async () => {
    beforeOwners = (server) => server.anySession((db) => db.query("SELECT pg_terminate_backend(pg_backend_pid())"));
    await failing(/^app-roles report: could not check: reading the owners of objects: the server at .* ended .*$/);
  });

  test("if it stops before the last reading", async () => {
    beforeOwners = () => postgres.stop();
    await failing(/: reading the owners of objects: cannot log in .*ECONNREFUSED.*$/);
  });
});
