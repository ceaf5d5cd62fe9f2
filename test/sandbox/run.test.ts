import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { run } from "../../sandbox/process.ts";
import { until } from "./temporary.ts";

const sandbox = (command: string[]) => run(process.execPath, ["sandbox/run.ts", ...command]);

test("a command has the project, both stacks, the engine and the legacy estate", async () => {
  const look = `
    import pg from "pg";
    import { execFileSync } from "node:child_process";
    const client = new pg.Client();
    await client.connect();
    const { rows } = await client.query("SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1");
    await client.end();
    const stacks = JSON.parse(execFileSync("pulumi", ["stack", "ls", "--json"])).map(({ name }) => name);
    console.log(JSON.stringify({ databases: rows.map(({ datname }) => datname), stacks, node: process.version }));`;
  const { code, stdout, stderr } = await sandbox(["node", "--input-type=module", "-e", look]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(JSON.parse(stdout)).toEqual({
    databases: ["fleet_platform", "postgres", "tracksolid_db"],
    stacks: ["prod", "staging"],
    node: process.version,
  });
});

test("exits with the command's exit code", async () => {
  expect((await sandbox(["sh", "-c", "exit 7"])).code).toBe(7);
});

test.each([
  [["no-such-command"], "no-such-command"],
  [[], "npm run sandbox -- pulumi preview"],
])("a command that cannot be run is an error: %j", async (command, words) => {
  const { code, stderr } = await sandbox(command);
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(words) });
});

test.each(["SIGTERM", "SIGINT", "SIGKILL"] as const)("%s leaves no process or file behind", async (signal) => {
  // Its own session, so that the signal reaches all its processes, as Ctrl-C does.
  const child = spawn(process.execPath, ["sandbox/run.ts", "sh", "-c", "pwd; exec sleep 1000"], {
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const folder = await new Promise<string>((resolve) => createInterface(child.stdout).once("line", resolve));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  process.kill(signal === "SIGTERM" ? (child.pid ?? 0) : -(child.pid ?? 0), signal);
  await ended;
  await until(() => !existsSync(dirname(folder)));
});
