import { existsSync } from "node:fs";
import { chmod, cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LogRead } from "../../../../cli/discover/evidence.ts";
import { readLogs } from "../../../../cli/discover/log/read-logs.ts";
import { availableVersions, type Postgres, startPostgres } from "../../../../sandbox/postgres/server.ts";

const prefix = "%m [%p] %q%u@%d app=%a host=%h ";

let directory: string;
const { LOCPATH } = process.env;
/** A copy of a locale by another name makes Postgres look for that language's messages. */
const anyLocale = "/usr/lib/locale/C.utf8";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "app-roles-settings-"));
  await chmod(directory, 0o755);
  if (!existsSync(anyLocale)) return;
  for (const name of ["de_DE.UTF-8", "fr_FR.UTF-8", "ja_JP.UTF-8"])
    await cp(anyLocale, join(directory, name), { recursive: true });
  process.env.LOCPATH = directory;
});
afterAll(async () => {
  if (LOCPATH === undefined) delete process.env.LOCPATH;
  else process.env.LOCPATH = LOCPATH;
  await rm(directory, { recursive: true });
});

const textsOf = (statements: LogRead["statements"]) =>
  statements.map(({ text }) => text).filter((text) => !text.startsWith("SET "));

describe.each(availableVersions())("PostgreSQL %i", (version) => {
  const formats = version < 15 ? ["log", "csv"] : ["log", "csv", "json"];
  let server: Postgres;

  beforeAll(async () => {
    server = await startPostgres({
      version,
      settings: {
        logging_collector: "on",
        log_destination: version < 15 ? "stderr,csvlog" : "stderr,csvlog,jsonlog",
        log_directory: "log",
        log_filename: "postgresql.log",
        log_line_prefix: prefix,
        log_statement: "all",
      },
    });
  });
  afterAll(() => server.stop());

  const file = (format: string) => join(dirname(server.logFile), `data/log/postgresql.${format}`);

  async function session(work: (db: pg.Client) => Promise<unknown>): Promise<void> {
    const db = new pg.Client({ connectionString: server.url(), application_name: "api" });
    await db.connect();
    await work(db);
    await db.end();
  }

  /** What the log has of the work of a session that has set the settings, by format. */
  async function logged(
    settings: Record<string, string>,
    work: (db: pg.Client) => Promise<unknown>,
  ): Promise<Map<string, LogRead>> {
    const before = new Map(
      await Promise.all(formats.map(async (each) => [each, (await readFile(file(each))).length] as const)),
    );
    await session(async (db) => {
      await db.query("SET log_statement = 'none'");
      for (const [name, value] of Object.entries(settings)) await db.query(`SET ${name} = '${value}'`);
      await db.query("RESET log_statement");
      await work(db);
    });
    // The collector has written everything before this.
    await session((db) => db.query("SELECT 'the last'"));
    const read = new Map<string, LogRead>();
    for (const format of formats) {
      let part = "";
      while (!part.includes("the last")) part = (await readFile(file(format))).subarray(before.get(format)).toString();
      const copy = join(directory, `part.${format}`);
      await writeFile(copy, part);
      read.set(format, await readLogs([copy], { linePrefix: prefix }));
    }
    return read;
  }

  test.each(["terse", "default", "verbose"])("log_error_verbosity = %s", async (verbosity) => {
    const all = await logged({ log_error_verbosity: verbosity }, async (db) => {
      await db.query("SELECT *\n  FROM pg_class -- 'all'\n WHERE relname = 'it''s\n\ttab'");
      await db.query("SELECT * FROM pg_am WHERE amname = $1", ["it's"]);
      await db.query({ name: "named", text: "SELECT amname FROM pg_am WHERE amname = $1", values: [null] });
      await db.query("SELECT 1 / 0 FROM pg_am").catch(() => undefined);
      await db.query("SELECT * FROM missing").catch(() => undefined);
      await db.query("SET log_statement = 'none'");
      await db.query("SELECT 1 / 0 FROM pg_namespace").catch(() => undefined);
    });
    for (const [format, { statements, problems }] of all) {
      expect({ format, texts: textsOf(statements), problems }).toEqual({
        format,
        texts: [
          "SELECT *\n  FROM pg_class -- 'all'\n WHERE relname = 'it''s\n\ttab'",
          "SELECT * FROM pg_am WHERE amname = $1",
          "SELECT amname FROM pg_am WHERE amname = $1",
          "SELECT 1 / 0 FROM pg_am",
          "SELECT * FROM missing",
          "SELECT 1 / 0 FROM pg_namespace",
          "SELECT 'the last'",
        ],
        problems: [],
      });
      // terse leaves DETAIL out of stderr.
      if (verbosity !== "terse" || format !== "log") {
        expect(statements).toContainEqual(expect.objectContaining({ parameters: ["it's"] }));
      }
    }
  });

  const hasCatalogs = existsSync(`/usr/share/locale/de/LC_MESSAGES/postgres-${version}.mo`) && existsSync(anyLocale);
  const catalogs = hasCatalogs ? "" : " (this PostgreSQL has no message catalogs, or the machine no C.utf8)";

  test.runIf(hasCatalogs).each(["de_DE.UTF-8", "fr_FR.UTF-8", "ja_JP.UTF-8"])(
    `lc_messages = %s${catalogs}`,
    async (language) => {
      const kinds: Record<string, (db: pg.Client) => Promise<unknown>> = {
        statement: (db) => db.query("CREATE TABLE IF NOT EXISTS t ()"),
        parameters: (db) => db.query("SELECT * FROM pg_am WHERE amname = $1", ["x"]),
        error: (db) => db.query("DROP TABLE missing").catch(() => undefined),
      };
      for (const [kind, work] of Object.entries(kinds)) {
        for (const verbosity of ["default", "verbose"]) {
          const all = await logged({ lc_messages: language, log_error_verbosity: verbosity }, work);
          for (const [format, { statements, problems }] of all) {
            expect({ format, kind, texts: textsOf(statements), problems }).toEqual({
              format,
              kind,
              texts: ["SELECT 'the last'"],
              problems: [expect.stringMatching(/messages? (?:is|are) not in English.*lc_messages = 'C'/)],
            });
          }
        }
      }
    },
  );

  test("what a function writes into the log is in no language", async () => {
    const all = await logged({}, async (db) => {
      await db.query("DO $$ BEGIN RAISE LOG 'running: SELECT 1'; END $$");
    });
    for (const [, { problems }] of all) expect(problems).toEqual([]);
  });
});
