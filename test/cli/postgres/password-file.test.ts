import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { addressOfEnvironment, addressOfUrl } from "../../../cli/postgres/address.ts";
import { passwordIn } from "../../../cli/postgres/password-file.ts";

const login = { host: "db", port: 5432, database: "shop", user: "u" };

test.each([
  ["db:5432:shop:u:p", "p"],
  ["db:*:*:*:p\ndb:5432:shop:u:q", "p"],
  ["db:5432:other:u:p\r\n*:*:*:u:q\r\n", "q"],
  ["#db:5432:shop:u:p", undefined],
  ["db:5432:shop:u", undefined],
  ["db:6432:shop:u:p", undefined],
  ["::::p\ndb:5432:shop:u:a\\:b\\\\c:rest", "a:b\\c"],
  ["", undefined],
])("the password in %j is %j", (text, password) => expect(passwordIn(text, login)).toBe(password));

test("names can be escaped, and the default socket is localhost", () => {
  expect(passwordIn("\\:\\:1:5432:a\\:b:u:p", { ...login, host: "::1", database: "a:b" })).toBe("p");
  const socket = { ...login, host: "/var/run/postgresql" };
  expect(passwordIn("localhost:5432:shop:u:p", socket)).toBe("p");
  expect(passwordIn("localhost:5432:shop:u:p", { ...socket, host: "/srv/pg" })).toBeUndefined();
});

test("the file is read where neither the URL nor PGPASSWORD has a password, unless others can read it", () => {
  const folder = mkdtempSync(join(tmpdir(), "app-roles-pgpass-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, ".pgpass");
  writeFileSync(file, "db:5432:shop:u:hunter2\n", { mode: 0o600 });
  const passwordOf = (url: string, env: NodeJS.ProcessEnv = { PGPASSFILE: file }) => addressOfUrl(url, env).password;
  expect(passwordOf("postgresql://u@db/shop")).toBe("hunter2");
  expect(passwordOf("postgresql://u:@db/shop")).toBe("hunter2");
  expect(passwordOf("postgresql://u@db/shop", { HOME: folder, PGPASSWORD: "" })).toBe("hunter2");
  expect(passwordOf("postgresql://u:own@db/shop")).toBe("own");
  expect(passwordOf("postgresql://u@db/shop", { PGPASSFILE: file, PGPASSWORD: "env" })).toBe("env");
  expect(passwordOf("postgresql://u@db/shop", { PGPASSFILE: `${file}.gone` })).toBe("");
  expect(addressOfEnvironment({ PGHOST: "db", PGUSER: "u", PGDATABASE: "shop", PGPASSFILE: file })?.password).toBe(
    "hunter2",
  );
  chmodSync(file, 0o644);
  const error = vi.spyOn(console, "error").mockReturnValue();
  onTestFinished(() => error.mockRestore());
  expect(passwordOf("postgresql://u@db/shop")).toBe("");
  expect(error).toHaveBeenCalledWith(expect.stringContaining("chmod 600"));
  expect(error).not.toHaveBeenCalledWith(expect.stringContaining("hunter2"));
});
