import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CsvFormat } from "../../../../cli/discover/log/csv.ts";
import { Times } from "../../../../cli/discover/log/entry.ts";
import { JsonFormat } from "../../../../cli/discover/log/json.ts";
import { loggedStatement } from "../../../../cli/discover/log/logged-statement.ts";
import { readLogs } from "../../../../cli/discover/log/read-logs.ts";
import { StderrFormat } from "../../../../cli/discover/log/stderr.ts";
import { availableVersions, type Postgres, startPostgres } from "../../../../sandbox/postgres/server.ts";

const prefix = "%m [%p] %q%u@%d app=%a host=%h ";
const columns = (message: string) =>
  `2026-06-20 14:02:11.123 UTC,"app","shop",7,"[local]",6b06.cb1,1,"idle",2026-06-20 14:00:00 UTC,0/2,0,LOG,00000,"${message}",,,,,,,,,"web","client backend",,0`;
/** Lines like those of a log, in a statement. */
const quoting = [
  "SELECT '",
  "2026-06-20 14:02:11.123 UTC [7] app@shop app=web host=10.0.0.5 LOG:  statement: SELECT 1",
  columns("statement: SELECT 2"),
  '{"timestamp":"2026-06-20 14:02:11.123 UTC","message":"statement: SELECT 3"}',
  "', '2026-06-20 14:02:11.123 UTC [7] app@shop app=web host=10.0.0.5 LOG:  statement: SELECT 4', 'it''s'",
].join("\n");

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "app-roles-torn-"));
});
afterAll(() => rm(directory, { recursive: true }));

async function read(name: string, content: string | Buffer) {
  const file = join(directory, name);
  await writeFile(file, content);
  const { statements, problems } = await readLogs([file], { linePrefix: prefix });
  return { texts: statements.map(({ text }) => text), problems: problems.map((each) => each.replace(file, "FILE")) };
}

describe.each(availableVersions())("a log of PostgreSQL %i", (version) => {
  const formats = version < 15 ? ["log", "csv"] : ["log", "csv", "json"];
  let server: Postgres;
  const logs = new Map<string, string>();
  const sent = [
    quoting,
    "SELECT 'torn\nhere' FROM pg_am -- \"quoted\"",
    "DROP TABLE IF EXISTS after_it",
    'TABLE pg_class -- ""',
  ];

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
        log_disconnections: "on",
      },
    });
    const db = new pg.Client({ connectionString: server.url() });
    await db.connect();
    for (const text of sent) await db.query(text);
    await db.end();
    for (const format of formats) {
      const file = join(dirname(server.logFile), `data/log/postgresql.${format}`);
      // The collector has written everything once it has written the end of the session.
      for (;;) {
        logs.set(format, await readFile(file, "utf8"));
        if (logs.get(format)?.includes("disconnection: ")) break;
      }
    }
  });
  afterAll(() => server.stop());

  test.each(formats)("%s: statements can contain lines like those of a log", async (format) => {
    expect(await read(`whole.${format}`, logs.get(format) as string)).toEqual({ texts: sent, problems: [] });
  });

  test.each(formats)("%s: what follows a message without its end is read, and the loss is a problem", (format) => {
    const log = logs.get(format) as string;
    const next = log.lastIndexOf("\n", log.indexOf("DROP TABLE")) + 1;
    const start = log.lastIndexOf("\n", log.indexOf("SELECT 'torn")) + 1;
    for (let at = start + 1; at < next - 1; at++) {
      // Between two lines of a message nothing shows that there were more. Such a statement cannot be parsed, in most cases.
      if (format === "log" && log[at - 1] === "\n") continue;
      // The next message is on the same line, as after a crash; the file system can fill up the end with zeros.
      for (const zeros of ["", "\0\0"]) {
        const crashed = pushed(format, log.slice(0, at) + zeros + log.slice(next));
        expect({ at, ...crashed }).toEqual({
          at,
          texts: expect.arrayContaining(format === "json" ? [sent[0], sent[2], sent[3]] : [sent[0], sent[3]]),
          problems: [expect.stringMatching(/cannot be read|lacks its end/)],
        });
      }
      // The end is in a file that is lost.
      const rotated = pushed(format, `${log.slice(0, at)}\n${log.slice(next)}`);
      expect({ at, ...rotated }).toMatchObject({ at, texts: expect.arrayContaining([sent[0], sent[2], sent[3]]) });
      const end = pushed(format, log.slice(at));
      expect({ at, ...end }).toEqual({
        at,
        texts: expect.arrayContaining([sent[2], sent[3]]),
        problems: [expect.stringMatching(/cannot be read/)],
      });
    }
  });
});

/** The statements that a format finds in a text. */
function pushed(name: string, text: string) {
  const times = new Times("UTC");
  const format =
    name === "csv" ? new CsvFormat(times) : name === "json" ? new JsonFormat(times) : new StderrFormat(prefix, times);
  const entries = text.split("\n").map((line) => format.push(line));
  const texts = [...entries, format.end()].flatMap((entry) => (entry && loggedStatement(entry)?.text) ?? []);
  return { texts, problems: format.problems() };
}

test("a file that ends in the middle of a line is not whole", async () => {
  const line = "2026-06-20 14:02:11.123 UTC [7] app@shop app=web host= LOG:  statement: SELECT 1";
  expect((await read("cut.log", line)).problems).toEqual(["FILE ends in the middle of a line"]);
  expect((await read("whole.log", `${line}\n`)).problems).toEqual([]);
});

test("no statement breaks a csvlog", () => {
  const piece = fc.oneof(
    fc.constantFrom('"', ",", "\n", "'", quoting, columns("x"), columns("x").slice(0, -40)),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1 }), (pieces) => {
      const sql = `SELECT ${pieces.join("").replaceAll("\r", "")} --`;
      const log = `${columns(`statement: ${sql.replaceAll('"', '""')}`)}\n${columns("statement: TABLE after_it")}\n`;
      expect(pushed("csv", log)).toEqual({ texts: [sql, "TABLE after_it"], problems: [] });
    }),
  );
});
