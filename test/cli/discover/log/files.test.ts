import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { logFiles } from "../../../../cli/discover/log/files.ts";
import { readLogs } from "../../../../cli/discover/log/read-logs.ts";

const linePrefix = "%m [%p] %q%u@%d app=%a host=%h ";
const time = (second: number) => `2026-06-20 14:02:${String(second).padStart(2, "0")}.123 UTC`;
const lines = {
  log: (second: number, sql: string) => `${time(second)} [7] app@shop app=web host=10.0.0.5 LOG:  statement: ${sql}\n`,
  csv: (second: number, sql: string) =>
    `${time(second)},"app","shop",7,"10.0.0.5:1",6b06.7,1,"idle",2026-06-20 14:00:00 UTC,0/2,0,LOG,00000,"statement: ${sql}",,,,,,,,,"web","client backend",,0\n`,
  json: (second: number, sql: string) =>
    `${JSON.stringify({ timestamp: time(second), user: "app", dbname: "shop", pid: 7, remote_host: "10.0.0.5", error_severity: "LOG", message: `statement: ${sql}`, application_name: "web" })}\n`,
};

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "app-roles-files-"));
});
afterAll(() => rm(root, { recursive: true }));

/** A directory with files that were modified at the same time. */
async function directory(name: string, files: Record<string, string | Buffer>): Promise<string> {
  const path = join(root, name);
  await mkdir(path);
  for (const [file, content] of Object.entries(files)) {
    await writeFile(join(path, file), content);
    await utimes(join(path, file), 1, 1);
  }
  return path;
}

describe("files that were modified at the same time are read oldest first", () => {
  test.each(["log", "csv", "json"] as const)("by the time of their first message: %s", async (format) => {
    const line = lines[format];
    const path = await directory(`first-${format}`, {
      [`postgresql-Fri.${format}`]: line(9, "TABLE a"),
      [`postgresql-Mon.${format}`]: `\tFROM t\n${line(1, "SET search_path = x")}`,
      [`postgresql-Tue.${format}.1.gz`]: gzipSync(line(4, "TABLE b")),
    });
    // The one that was copied last is not the latest.
    await utimes(join(path, `postgresql-Mon.${format}`), 9, 9);
    const { statements } = await readLogs([path], { linePrefix });
    expect(statements.map(({ text, searchPath }) => [text, searchPath])).toEqual([
      ["SET search_path = x", undefined],
      ["TABLE b", "x"],
      ["TABLE a", "x"],
    ]);
  });

  test("a named pipe is read once", async () => {
    const path = join(root, "pipe");
    execFileSync("mkfifo", [path]);
    const [{ statements }] = await Promise.all([
      readLogs([path], { linePrefix }),
      writeFile(path, lines.log(1, "TABLE a")),
    ]);
    expect(statements.map(({ text }) => text)).toEqual(["TABLE a"]);
  });

  test.each([
    ["numbers", ["a.log.10.gz", "a.log.9", "a.log.2.gz", "a.log.1", "a.log"]],
    ["dates", ["a.log-20260619.gz", "a.log-20260620", "a.log"]],
    ["times", ["a-2026-06-19_140211.log", "a-2026-06-20_140211.log", "b.log"]],
  ])("by the %s in their names if they have no times", async (name, names) => {
    const content = (file: string) => (file.endsWith(".gz") ? gzipSync("LOG:  started\n") : "LOG:  started\n");
    const path = await directory(name, Object.fromEntries(names.toReversed().map((file) => [file, content(file)])));
    const files = await logFiles([path], { linePrefix: "" });
    expect(files.map(({ file }) => basename(file))).toEqual(names);
  });
});

describe("of the formats of one server", () => {
  const { log, csv, json } = lines;
  const counts = async (path: string) => {
    const { statements, problems } = await readLogs([path], { linePrefix });
    expect(problems).toEqual([]);
    return statements.map(({ text, count }) => [text, count]);
  };

  test("each message is read once, also if they are rotated at different times", async () => {
    const path = await directory("sizes", {
      "p-2026-06-20_140201.log": log(1, "TABLE a") + log(2, "TABLE b") + log(4, "TABLE c"),
      "p-2026-06-20_140206.log": log(6, "TABLE d"),
      "p-2026-06-20_140201.csv": csv(1, "TABLE a") + csv(2, "TABLE b"),
      "p-2026-06-20_140204.csv": csv(4, "TABLE c") + csv(6, "TABLE d"),
      "p-2026-06-20_140201.json": json(1, "TABLE a"),
      "p-2026-06-20_140202.json": json(2, "TABLE b") + json(4, "TABLE c"),
      "p-2026-06-20_140205.json": json(6, "TABLE d"),
    });
    expect((await logFiles([path])).map(({ file }) => file.endsWith("json"))).toEqual([true, true, true]);
    expect(await counts(path)).toEqual(["a", "b", "c", "d"].map((name) => [`TABLE ${name}`, 1]));
  });

  test("another one is read for the time that the best does not have", async () => {
    const path = await directory("destination", {
      "p-2026-06-20_140201.log": [1, 2, 3, 4].map((n) => log(n, `TABLE a${n}`)).join(""),
      "p-2026-06-20_140206.log": [6, 7, 8].map((n) => log(n, `TABLE a${n}`)).join(""),
      "p-2026-06-20_140203.csv": [3, 4].map((n) => csv(n, `TABLE a${n}`)).join(""),
      "p-2026-06-20_140206.csv": [6, 7].map((n) => csv(n, `TABLE a${n}`)).join(""),
    });
    expect((await counts(path)).toSorted()).toEqual([1, 2, 3, 4, 6, 7, 8].map((n) => [`TABLE a${n}`, 1]));
  });

  test("the file with what programs of the server write is not read if it has no message of its own", async () => {
    const path = await directory("stray", {
      "p.log": `${time(1)} [1] LOG:  ending log output to stderr\ncp: cannot stat 'x'\n`,
      "p.csv": csv(2, "TABLE a"),
    });
    expect(await counts(path)).toEqual([["TABLE a", 1]]);
  });

  test("those of another server stay", async () => {
    const path = await directory("servers", {
      "15-main.log": log(2, "TABLE a"),
      "16-main.csv": csv(1, "TABLE b") + csv(3, "TABLE c"),
    });
    expect(await counts(path)).toHaveLength(3);
  });
});
