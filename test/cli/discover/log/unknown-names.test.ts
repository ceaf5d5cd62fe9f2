import { expect, test } from "vitest";
import type { Statement } from "../../../../cli/discover/evidence.ts";
import { Times } from "../../../../cli/discover/log/entry.ts";
import { loggedStatement } from "../../../../cli/discover/log/logged-statement.ts";
import { StderrFormat } from "../../../../cli/discover/log/stderr.ts";
import { unknownNames } from "../../../../cli/discover/log/unknown-names.ts";

/** The statements of a log of stderr that is read with a log_line_prefix of the server. */
function statementsOf(prefix: string, lines: string[]): Statement[] {
  const format = new StderrFormat(prefix, new Times("UTC"));
  return [...lines.map((line) => format.push(line)), format.end()].flatMap((entry) => {
    const logged = entry && loggedStatement(entry);
    if (!logged) return [];
    return [{ text: logged.text, user: entry.user ?? "", database: entry.database ?? "", count: 1, source: "log" }];
  });
}

test("a database that does not exist is a problem: the log has another log_line_prefix", () => {
  const lines = ["app=web", "app=web", "app=api"].map(
    (app) => `2026-06-20 14:02:11.123 UTC [7] app@shop ${app} LOG:  statement: SELECT 1`,
  );
  expect(unknownNames(statementsOf("%m [%p] %q%u@%d ", lines), ["shop"], ["app"])).toEqual([
    expect.stringMatching(
      /^3 logged statements are of a database .* \("shop app=web", "shop app=api"\): .*log_line_prefix/,
    ),
  ]);
  expect(unknownNames(statementsOf("%m [%p] %q%u@%d %a ", lines), ["shop"], ["app"])).toEqual([]);
});

test("so is a user that does not exist", () => {
  const lines = ["2026-06-20 14:02:11.123 UTC [7] shop@app LOG:  statement: SELECT 1"];
  expect(unknownNames(statementsOf("%m [%p] %q%u@%d ", lines), ["shop", "app"], ["app"])).toEqual([
    expect.stringMatching(/^1 logged statement is of a user .* \("shop"\)/),
  ]);
});

test("a log with lines of two prefixes is read with the one of each line", () => {
  const lines = [
    "2026-06-20 14:02:11.123 UTC [7] app@shop LOG:  statement: SELECT 1",
    "2026-06-20 14:02:11.123 UTC [7] app@shop app=web host=10.0.0.5 LOG:  statement: SELECT 2",
    "2026-06-20 14:02:11 UTC:10.0.0.5(4711):app@shop:[7]:LOG:  statement: SELECT 3",
  ];
  const read = statementsOf("%m [%p] %q%u@%d app=%a host=%h ", lines);
  expect(read.map(({ user, database, text }) => [user, database, text])).toEqual([
    ["app", "shop", "SELECT 1"],
    ["app", "shop", "SELECT 2"],
    ["app", "shop", "SELECT 3"],
  ]);
});
