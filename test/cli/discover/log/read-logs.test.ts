import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readLogs } from "../../../../cli/discover/log/read-logs.ts";
import { availableVersions, type Postgres, startPostgres } from "../../../../sandbox/postgres/server.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "app-roles-logs-"));
});
afterAll(() => rm(directory, { recursive: true }));

async function logOf(name: string, content: string | Buffer): Promise<string> {
  const file = join(directory, name);
  await writeFile(file, content);
  return file;
}

const prefix = "%m [%p] %q%u@%d app=%a host=%h ";
const from = "2026-06-20 14:02:11.123 UTC [7] app@shop app=web host=10.0.0.5";

describe.each(availableVersions())("logs that PostgreSQL %i wrote", (version) => {
  let server: Postgres;
  let folder: string;
  const formats = version < 15 ? ["log", "csv"] : ["log", "csv", "json"];

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
        log_connections: "on",
        log_disconnections: "on",
      },
    });
    folder = join(dirname(server.logFile), "data/log");
    const db = new pg.Client({ connectionString: server.url(), application_name: 'my, "app"' });
    await db.connect();
    await db.query("CREATE TABLE t (id integer, b text)");
    await db.query("SELECT *\n  FROM t -- all\n WHERE b = 'it''s\n\ttab'");
    for (const id of [1, 2, 3]) await db.query("SELECT * FROM t WHERE id = $1 AND b = $2", [id, "it's; $3 = 'x'"]);
    await db.query({ name: "odd: 1", text: "INSERT INTO t VALUES ($1, $2)", values: [null, "é"] });
    await db.query({ name: "a: b: select 1", text: "INSERT INTO t (id) VALUES ($1) -- : SELECT", values: [1] });
    await db.query("PREPARE one AS DELETE FROM t WHERE id = $1");
    await db.query("EXECUTE one (3)");
    await db.query("SELECT * FROM missing").catch(() => undefined);
    await db.query("BEGIN; SET LOCAL search_path = 'pg_temp', public");
    await db.query("TABLE t");
    await db.query("COMMIT");
    await db.query("SELECT set_config('log_statement', 'none', false)");
    await db.query("UPDATE t SET id = 1 / 0 WHERE false OR now() IS NOT NULL").catch(() => undefined);
    await db.query("SET log_min_duration_statement = 0");
    await db.query("SELECT $1::integer", [5]);
    await db.end();
    // The collector has written everything once it has ended.
    const seen = new pg.Client({ connectionString: server.url() });
    await seen.connect();
    for (;;) {
      const { rows } = await seen.query(
        "SELECT bool_and(pg_read_file(name) ~ 'disconnection: ') AS done FROM unnest($1::text[]) name",
        [formats.map((format) => `log/postgresql.${format}`)],
      );
      if (rows[0].done) break;
    }
    await seen.end();
  });
  afterAll(() => server.stop());

  test.each(formats)("%s", async (format) => {
    const { statements, problems, hasStatements, logins } = await readLogs([join(folder, `postgresql.${format}`)], {
      linePrefix: prefix,
    });
    const mine = statements.filter(({ application }) => application === 'my, "app"');
    expect(mine.map(({ text, count, parameters }) => ({ text, count, ...(parameters && { parameters }) }))).toEqual([
      { text: "CREATE TABLE t (id integer, b text)", count: 1 },
      { text: "SELECT *\n  FROM t -- all\n WHERE b = 'it''s\n\ttab'", count: 1 },
      { text: "SELECT * FROM t WHERE id = $1 AND b = $2", count: 3, parameters: ["1", "it's; $3 = 'x'"] },
      { text: "INSERT INTO t VALUES ($1, $2)", count: 1, parameters: [null, "é"] },
      { text: "INSERT INTO t (id) VALUES ($1) -- : SELECT", count: 1, parameters: ["1"] },
      { text: "PREPARE one AS DELETE FROM t WHERE id = $1", count: 2 },
      { text: "SELECT * FROM missing", count: 1 },
      { text: "BEGIN; SET LOCAL search_path = 'pg_temp', public", count: 1 },
      { text: "TABLE t", count: 1 },
      { text: "COMMIT", count: 1 },
      { text: "SELECT set_config('log_statement', 'none', false)", count: 1 },
      { text: "UPDATE t SET id = 1 / 0 WHERE false OR now() IS NOT NULL", count: 1 },
      { text: "SET log_min_duration_statement = 0", count: 1 },
      { text: "SELECT $1::integer", count: 1, parameters: ["5"] },
    ]);
    expect(mine[0]).toMatchObject({ user: "postgres", database: "postgres", address: "127.0.0.1", source: "log" });
    expect(mine[0]?.at?.getTime()).toBeGreaterThan(Date.now() - 3_600_000);
    expect(problems).toEqual([]);
    expect(hasStatements).toBe(true);
    expect(logins).toContainEqual({
      user: "postgres",
      database: "postgres",
      application: 'my, "app"',
      address: "127.0.0.1",
      count: 1,
    });
  });

  test("a directory with the same messages in several formats is read once", async () => {
    const { statements } = await readLogs([folder], { linePrefix: prefix });
    expect(statements.filter(({ text }) => text.startsWith("CREATE TABLE t "))).toMatchObject([{ count: 1 }]);
  });
});

describe("sessions", () => {
  test("a prefix without user and database is completed from log_connections", async () => {
    const log = await logOf(
      "connections.log",
      [
        "2026-06-20 14:02:11.123 UTC [7] LOG:  connection received: host=10.0.0.5 port=4711",
        "2026-06-20 14:02:11.123 UTC [7] LOG:  connection authorized: user=app database=shop application_name=web SSL enabled (protocol=TLSv1.3, cipher=X, bits=256)",
        "2026-06-20 14:02:11.123 UTC [7] LOG:  statement: SELECT 1",
        "2026-06-20 14:02:11.123 UTC [8] LOG:  statement: SELECT 2",
        "2026-06-20 14:02:11.123 UTC [8] LOG:  statement: SELECT 3\n",
      ].join("\n"),
    );
    const { statements, problems } = await readLogs([log]);
    expect(statements).toMatchObject([
      { text: "SELECT 1", user: "app", database: "shop", application: "web", address: "10.0.0.5" },
    ]);
    expect(problems).toEqual([
      "3 statements have no user and database in the log, and 2 of them are left out: set log_line_prefix = '%m [%p] %q%u@%d app=%a host=%h '",
    ]);
  });

  test("search_path is that of the session and its transaction", async () => {
    const sent = [
      "TABLE a",
      "SET search_path TO x, 'Y'",
      "TABLE a",
      "BEGIN",
      "SET LOCAL search_path = z",
      "TABLE a",
      "COMMIT",
      "TABLE a",
      "RESET search_path",
      "TABLE a",
      "SELECT pg_catalog.set_config('search_path', '', false)",
      "TABLE a",
    ];
    const log = await logOf("paths.log", sent.map((text) => `${from} LOG:  statement: ${text}\n`).join(""));
    const { statements } = await readLogs([log], { linePrefix: prefix });
    const tables = statements.filter(({ text }) => text === "TABLE a");
    expect(tables.map(({ searchPath, count }) => [searchPath, count])).toEqual([
      [undefined, 2],
      ['x, "Y"', 2],
      ["z", 1],
      ["", 1],
    ]);
  });
});

describe("files", () => {
  test("rotated files, compressed ones too, are read oldest first, by pattern", async () => {
    const names = ["rotated.log.2.gz", "rotated.log.1", "rotated.log"];
    for (const [index, name] of names.entries()) {
      const line = `2026-06-2${index} 14:02:11.123 UTC [7] app@shop app=web host=10.0.0.5 LOG:  statement: SELECT ${index}\n`;
      const file = await logOf(name, name.endsWith(".gz") ? gzipSync(line) : line);
      await utimes(file, index + 1, index + 1);
    }
    const { statements, first, last } = await readLogs([join(directory, "rotated.lo?*")], { linePrefix: prefix });
    expect(statements).toMatchObject([{ text: "SELECT 0", count: 3, at: new Date("2026-06-22T14:02:11.123Z") }]);
    expect([first, last]).toEqual([new Date("2026-06-20T14:02:11.123Z"), new Date("2026-06-22T14:02:11.123Z")]);
  });

  test("a compressed file that ends too early counts as far as it can be read", async () => {
    const zipped = gzipSync(`${from} LOG:  statement: SELECT 1\n`.repeat(10));
    const file = await logOf("short.log.gz", zipped.subarray(0, -8));
    const { problems } = await readLogs([file], { linePrefix: prefix });
    expect(problems).toEqual([`${file} cannot be read to its end: unexpected end of file`]);
  });

  test("a missing file is refused by its name", async () => {
    await expect(readLogs([join(directory, "nope.log")])).rejects.toThrow(/--log .*nope\.log: no such file/);
    await expect(readLogs([join(directory, "nope*")])).rejects.toThrow(/--log .*nope\*: there is no log file/);
  });

  test.each(["log", "csv", "json"])("a %s that begins and ends in the middle of a message", async (format) => {
    const csv = (text: string) =>
      `2026-06-20 14:02:11.123 UTC,"app","shop",7,"[local]",6b06.cb1,1,"idle",2026-06-20 14:00:00 UTC,0/2,0,LOG,00000,"statement: ${text}",,,,,,,,,"web","client backend",,0`;
    const json = (text: string) =>
      JSON.stringify({
        timestamp: "2026-06-20 14:02:11.123 UTC",
        user: "app",
        dbname: "shop",
        pid: 7,
        error_severity: "LOG",
        message: `statement: ${text}`,
        application_name: "web",
      });
    const stderr = (text: string) => `${from} LOG:  statement: ${text.replaceAll("\n", "\n\t")}`;
    const line = { log: stderr, csv, json }[format] as (text: string) => string;
    const whole = [line("SELECT a\nFROM x"), line("SELECT b\nFROM y"), line("SELECT c\nFROM z")].join("\n");
    const start = whole.indexOf(format === "json" ? 'ROM x"' : "FROM x");
    const end = whole.lastIndexOf("z");
    const file = await logOf(`middle.${format}`, whole.slice(start, end));
    const { statements } = await readLogs([file], { linePrefix: prefix });
    expect(statements.map(({ text }) => text)).toEqual(
      format === "log" ? ["SELECT b\nFROM y", "SELECT c\nFROM "] : ["SELECT b\nFROM y"],
    );
  });

  test("lines in another encoding are read as Latin-1, the others as UTF-8", async () => {
    const latin = Buffer.from(`${from} LOG:  statement: SELECT 'Zoë' AS "naïve"\n`, "latin1");
    const file = await logOf(
      "latin.log",
      Buffer.concat([latin, Buffer.from(`${from} LOG:  statement: TABLE "é"\r\n`)]),
    );
    const { statements } = await readLogs([file], { linePrefix: prefix });
    expect(statements.map(({ text }) => text)).toEqual([`SELECT 'Zoë' AS "naïve"`, 'TABLE "é"']);
  });

  test("a statement longer than a megabyte is cut off and marked", async () => {
    const rows = "\t(1, 'a long row of data'),\n".repeat(60_000);
    const file = await logOf("long.log", `${from} LOG:  statement: INSERT INTO t VALUES\n${rows}\t(2)\n`);
    const { statements, problems } = await readLogs([file], { linePrefix: prefix });
    expect(statements).toMatchObject([{ isTruncated: true }]);
    expect(problems).toEqual(["1 message is longer than a megabyte, and its end is not read"]);
  });

  test("a line of more than 16 megabytes is a problem", async () => {
    const line = `{"timestamp":"2026-06-20 14:02:11.123 UTC","message":"statement: SELECT '${"x".repeat(18 << 20)}'"}\n`;
    const file = await logOf("wide.json", line);
    const { problems } = await readLogs([file]);
    expect(problems).toContain(`${file} has a line that is too long to read`);
  });

  test("more different statements than are kept are a problem, and their search_path counts", async () => {
    const different = Array.from({ length: 100_000 }, (_, index) => `SELECT c${index}`);
    const sent = [...different.slice(1), "TABLE a", "SET search_path = x", "TABLE a"];
    const file = await logOf("many.log", sent.map((text) => `${from} LOG:  statement: ${text}\n`).join(""));
    const { statements, problems } = await readLogs([file], { linePrefix: prefix });
    expect(statements).toHaveLength(100_000);
    expect(problems).toEqual(["only the first 100000 different statements are kept; 2 further ones are not"]);
  });

  test("another prefix than the server's is found, and lines without one are counted", async () => {
    const file = await logOf(
      "rds.log",
      "2026-06-20 14:02:11 UTC:10.0.0.5(4711):app@shop:[7]:LOG:  statement: SELECT 1\nstray\n",
    );
    const { statements, problems } = await readLogs([file], { linePrefix: prefix });
    expect(statements).toMatchObject([{ user: "app", database: "shop", address: "10.0.0.5", pid: 7 }]);
    expect(problems).toEqual([
      `${file}: 1 line cannot be read, which do not begin with log_line_prefix '%t:%r:%u@%d:[%p]:'`,
    ]);
  });

  test("times of a named time zone need log_timezone", async () => {
    const file = await logOf("zone.log", `${from.replace("UTC", "CEST")} LOG:  statement: SELECT 1\n`);
    const zoned = await readLogs([file], { linePrefix: prefix, timeZone: "Europe/Amsterdam" });
    expect(zoned.statements[0]?.at).toEqual(new Date("2026-06-20T12:02:11.123Z"));
    const { statements, problems } = await readLogs([file], { linePrefix: prefix });
    expect(statements[0]?.at).toBeUndefined();
    expect(problems).toEqual(["times in CEST are left out: this time zone is not known (log_timezone)"]);
  });
});

test("no content of a file is too odd", async () => {
  const piece = fc.oneof(
    fc.constantFrom(
      `${from} LOG:  statement: `,
      "\n",
      "\t",
      '"',
      ",",
      "{",
      '{"timestamp":1}',
      "DETAIL:  parameters: $1 = '",
    ),
    fc.string({ unit: "binary" }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece), async (pieces) => {
      await readLogs([await logOf("odd.log", pieces.join(""))], { linePrefix: prefix });
    }),
    { numRuns: 200 },
  );
});
