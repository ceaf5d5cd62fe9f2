import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { CommandTarget } from "../../../provider/service-env/command.ts";
import { testCall } from "../calls.ts";

let folder: string;
const call = testCall();
const former = "postgres://postgres:oldsecret@db/shop";
const next = "postgres://shop_app:newsecret@db/shop";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "app-roles-command-"));
  vi.stubEnv("PULUMI_CONFIG_PASSPHRASE", "passphrase");
  vi.stubEnv("DATABASE_URL", former);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/** An executable that keeps the value in a file, records each call with all it can see, and runs `more` first. */
function executable(more = ""): CommandTarget {
  const path = join(folder, "env.sh");
  writeFileSync(
    path,
    `#!/bin/sh
cd ${folder}
echo "$*" >>calls; env >>environment
${more}
case "$3" in
  read) cat value 2>/dev/null || true ;;
  write) cat >value ;;
  deploy) cp value deployed ;;
esac
`,
  );
  chmodSync(path, 0o755);
  const timeouts = { read: 300, write: 300_000, deploy: 300_000 };
  const patient = more.includes("sleep") ? { timeouts } : {};
  return new CommandTarget({ service: "api", urlKey: "DATABASE_URL", path, args: ["--prod"], ...patient });
}
const file = (name: string) => readFileSync(join(folder, name), "utf8");
const store = (value: string) => writeFileSync(join(folder, "value"), value);

test("receives service and action, the value on standard input, and no other secret", async () => {
  store(`${former}\n`);
  const target = executable();
  expect(await target.find(call)).toEqual({ stored: former, running: [] });
  await target.put(next, call);
  expect(file("deployed")).toBe(next);
  expect(file("calls").trim().split("\n")).toEqual(
    ["read", "read", "write", "deploy", "read"].map((action) => `--prod api ${action}`),
  );
  const environment = file("environment");
  expect(environment).toContain("APP_ROLES_URL_KEY=DATABASE_URL");
  for (const secret of ["oldsecret", "newsecret", "passphrase"]) expect(environment).not.toContain(secret);
});

test("a read without output: there is no value yet", async () => {
  expect(await executable().find(call)).toEqual({ stored: undefined, running: [] });
});

test("an unchanged value is deployed, not written", async () => {
  store(next);
  await executable().put(next, call);
  expect(file("calls")).not.toContain("write");
  expect(file("deployed")).toBe(next);
});

test("a failed deploy: the previous value is written and deployed again, and the error holds no value", async () => {
  store(former);
  // Fails only with the new value.
  const target = executable('if [ "$3" = deploy ] && grep -q newsecret value; then cat value >&2; exit 7; fi');
  const error = await target.put(next, call).catch((error: Error) => error.message);
  expect(error).toMatch(
    /env\.sh api deploy ended with exit code 7:\n {2}\[secret\]\n {2}The previous value was restored and deployed\.$/,
  );
  expect(file("value")).toBe(former);
  expect(file("deployed")).toBe(former);
});

test("a write that loses the value is detected", async () => {
  store(former);
  const target = executable('if [ "$3" = write ]; then cat >/dev/null; exit 0; fi');
  await expect(target.put(next, call)).rejects.toThrow(/read prints another value than was written/);
});

test("a hanging one is killed", async () => {
  await expect(executable("sleep 60").find(call)).rejects.toThrow(/env\.sh api read was killed after 0\.3 s/);
});

test("a missing or non-executable one is reported with its key", async () => {
  const missing = new CommandTarget({ service: "api", urlKey: "DATABASE_URL", path: join(folder, "none"), args: [] });
  await expect(missing.find(call)).rejects.toThrow(/cannot be started: ENOENT \(services\.api\.command\.path\)/);
  const target = executable();
  chmodSync(join(folder, "env.sh"), 0o644);
  await expect(target.find(call)).rejects.toThrow(/cannot be started: EACCES; chmod \+x it/);
});
