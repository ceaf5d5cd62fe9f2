import { execFileSync, spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loginCheck } from "../../../provider/rollback-kit/login-check.ts";
import { scriptOf } from "../../../provider/rollback-kit/script.ts";
import { startPostgres, type TestPostgres } from "../postgres.ts";

const hasPsql = spawnSync("psql", ["--version"]).status === 0;
const scriptFor = (url: string) =>
  scriptOf({ service: "api", stack: "prod", urlKey: "DATABASE_URL" }, [...loginCheck(url), "say moved"]);
const sh = (script: string, ...args: string[]) => {
  const { status, stdout, stderr } = spawnSync("sh", ["-s", "--", ...args], { input: script, encoding: "latin1" });
  return { status, text: stdout + stderr };
};

test("a URL that psql cannot take is not tried", () => {
  for (const url of ["postgres://u@db/shop", "postgres://u:p@a,b/shop", "postgres://u:p@/shop?host=a", "no url"]) {
    expect(loginCheck(url)).toEqual([]);
  }
});

describe.skipIf(!hasPsql)("with psql", () => {
  let postgres: TestPostgres;
  const url = (password: string, port = postgres.address.port) =>
    `postgres://legacy:${encodeURIComponent(password)}@127.0.0.1:${port}/postgres?schema=x`;
  beforeAll(async () => {
    postgres = await startPostgres();
    const admin = await postgres.connect();
    await admin.query("CREATE ROLE legacy LOGIN PASSWORD 'it''s \"$HOME\"'");
  });
  afterAll(() => postgres?.stop());

  test("a working login is reported and the service rolled back", () => {
    expect(sh(scriptFor(url(`it's "$HOME"`)))).toEqual({
      status: 0,
      text: expect.stringMatching(/^api: a login with its legacy URL works\napi: moved\n/),
    });
  });

  test("a refused login leaves the service unchanged, unless forced", () => {
    const refused = sh(scriptFor(url("former")));
    expect(refused).toEqual({ status: 1, text: expect.stringContaining("password authentication failed") });
    expect(refused.text).not.toContain("moved");
    expect(sh(scriptFor(url("former")), "--force")).toMatchObject({
      status: 0,
      text: expect.stringContaining("moved"),
    });
  });

  test("an unreachable server does not prevent the rollback", () => {
    const { status, text } = sh(scriptFor(url("former", 1)));
    expect({ status, text }).toEqual({
      status: 0,
      text: expect.stringMatching(/could not be tried from here[\s\S]*moved/),
    });
  });
});

test("is valid POSIX shell", () => {
  execFileSync("sh", ["-n"], { input: scriptFor("postgres://u:p@[::1]:6/shop") });
});
