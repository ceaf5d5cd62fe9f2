import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { run } from "../../sandbox/process.ts";

const appRoles = (args: string[], env: NodeJS.ProcessEnv = process.env) =>
  run(process.execPath, ["bin/app-roles.js", ...args], { env });

test("help lists the commands and describes one", async () => {
  const all = await appRoles([]);
  expect(all).toMatchObject({ code: 0, stdout: expect.stringMatching(/app-roles rehearse +tries on the live server/) });
  expect(await appRoles(["help"])).toEqual(all);
  const one = await appRoles(["help", "rehearse"]);
  expect(one).toMatchObject({ code: 0, stdout: expect.stringContaining("--sql FILE") });
  expect(await appRoles(["rehearse", "--help"])).toEqual(one);
  expect(await appRoles(["help", "rotate-superuser"])).toMatchObject({
    stdout: expect.stringMatching(
      /^Usage: app-roles rotate-superuser .*\n[\s\S]*default:\s+10min[\s\S]*\nExample:\n {2}app-roles rotate-superuser --watch 8h/,
    ),
  });
});

test("--version", async () => {
  expect((await appRoles(["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

describe("an invalid command line exits with 2", () => {
  test.each([
    [["rehaerse"], /unknown command 'rehaerse'\n.*Did you mean rehearse/],
    [["help", "toString"], /unknown command 'toString'/],
    [["toString", "--help"], /unknown command 'toString'/],
    [["rehearse", "--sqll", "x"], /--sqll[\s\S]*Did you mean --sql[\s\S]*--stack NAME/],
    [["rehearse", "prod"], /prod[\s\S]*--stack NAME/],
    [["rollback"], /SERVICE[\s\S]*--stack NAME/],
    [["cutover", "api", "--watch", "soon"], /--watch[\s\S]*Expected a time such as 45m[\s\S]*--stack NAME/],
    [["cutover", "api", "--format", "json"], /--format requires --file[\s\S]*--stack NAME/],
    [["audit", "--json", "--metrics"], /--json.*--metrics[\s\S]*--stack NAME/],
    [["audit", "--out", "x"], /--out requires --json or --metrics/],
    [["audit", "--unused-days", "30"], /--unused-days requires --history FILE/],
    [["audit", "--max-password-age", "soon"], /Expected a number of days/],
    [["audit", "--cwd", "/no/such"], /ENOENT/],
    [
      ["audit", "--cwd", "test", "mysql://a:secret@b/c"],
      /the URL of the server: it does not start with postgresql:\/\//,
    ],
    [["review", "--saev", "x"], /--saev[\s\S]*Did you mean --save[\s\S]*--stack NAME/],
    [["up"], /--reviewed FILE[\s\S]*--stack NAME/],
    [["up", "--reviewed", "x.json"], /without a terminal, up needs --yes[\s\S]*--stack NAME/],
    [["discover", "--watch", "soon"], /--watch[\s\S]*Expected a time such as 45m[\s\S]*--docker/],
    [["discover", "db.internal"], /the URL of the server: it does not start with postgresql:\/\/[\s\S]*--docker/],
    [["discover", "--cwd", "no-such-folder"], /no-such-folder/],
    [["confirm", "cron", "--migrates", "false"], /--because[\s\S]*--stack NAME/],
    [["confirm", "cron", "--migrates", "maybe", "--because", "x"], /true, false[\s\S]*--stack NAME/],
    [["env", "api", "--format", "xml"], /dotenv, json, compose, docker-secret[\s\S]*--stack NAME/],
  ])("%j", async (args, words) => {
    expect(await appRoles(args)).toEqual({ code: 2, stdout: "", stderr: expect.stringMatching(words) });
  });
});

test("an audit that cannot be made exits with 2, and its document says so", async () => {
  const { code, stdout, stderr } = await appRoles([
    "audit",
    "--cwd",
    "test",
    "--json",
    "postgresql://a:secret@127.0.0.1:1/x",
  ]);
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: expect.stringMatching(/could not check: .*127\.0\.0\.1:1.*ECONNREFUSED.*in the URL/),
  });
  expect(JSON.parse(stdout)).toMatchObject({ schemaVersion: 1, outcome: "error", stack: null });
  expect(stdout + stderr).not.toContain("secret");
});

test("discover needs a server, and a failed login says what to do without the password", async () => {
  const empty = await mkdtemp(join(tmpdir(), "app-roles-cli-"));
  try {
    const named = { PATH: process.env.PATH };
    expect(await appRoles(["discover", "--cwd", empty], named)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/no server is named: give a URL/),
    });
    const { code, stderr } = await appRoles(["discover", "postgresql://postgres:hunter2@127.0.0.1:1/x"], named);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(
        /127.0.0.1:1, database x, as postgres: .*ECONNREFUSED.*Check host and port in the URL, .*\n$/,
      ),
    });
    expect(stderr).not.toContain("hunter2");
  } finally {
    await rm(empty, { recursive: true });
  }
});

test("a review of another stack is refused before anything runs", async () => {
  const folder = await mkdtemp(join(tmpdir(), "app-roles-cli-"));
  try {
    const file = join(folder, "review.json");
    const review = {
      format: "app-roles review 1",
      stack: "prod",
      version: "1",
      config: {},
      code: {},
      resources: {},
      plans: {},
    };
    await writeFile(file, JSON.stringify(review));
    const { code, stderr } = await appRoles(["up", "--yes", "--reviewed", file, "--stack", "org/shop/staging"], {
      PATH: "",
    });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/review\.json is a review of the stack prod, not of org\/shop\/staging: .*--stack/),
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a missing file and a missing pulumi are reported", async () => {
  expect(await appRoles(["rehearse", "--sql", "no-such.sql"])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/cannot read no-such.sql: ENOENT/),
  });
  const empty = await mkdtemp(join(tmpdir(), "app-roles-cli-"));
  try {
    const { code, stderr } = await appRoles(["rehearse"], { PATH: empty });
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/pulumi, .*, is not on the PATH/) });
  } finally {
    await rm(empty, { recursive: true });
  }
});
