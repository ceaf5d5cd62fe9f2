import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { run } from "../../../sandbox/process.ts";
import { noDockerd } from "../../provider/service-env/docker.ts";

const reason = await noDockerd();

/** Starts a daemon with a container that ignores SIGTERM, and prints the daemon's host. */
const program = `
  import { execFileSync } from "node:child_process";
  import { startDockerd } from "./test/provider/service-env/docker.ts";
  const { host } = await startDockerd();
  const options = ["--detach", "--network=none", "--restart=always"];
  execFileSync("docker", ["--host", host, "run", ...options, "sleeper:1", "/bin/sleep", "1000000"]);
  console.log(host);
  setInterval(() => undefined, 1000);
`;

test.skipIf(reason !== undefined).each(["the test process", "the test process and dockerd"])(
  `kill -9 of %s leaves no container, shim or mount behind${reason ? `: ${reason}` : ""}`,
  async (killed) => {
    const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [host] = await once(createInterface({ input: child.stdout }), "line");
    const directory = /\/tmp\/[^/]+/.exec(host)?.[0] ?? expect.fail(host);
    const left = async () => {
      const processes = await run("pgrep", ["--full", "--list-full", directory]);
      const mounts = await run("grep", [directory, "/proc/mounts"]);
      return processes.stdout + mounts.stdout;
    };
    expect(await left()).toMatch(/containerd-shim/);
    const shim = (await run("pgrep", ["-f", `containerd-shim.*${directory}`])).stdout.trim();
    const container = (await run("pgrep", ["-P", shim])).stdout.trim();
    if (killed !== "the test process") await run("pkill", ["-KILL", "-f", `^dockerd.*${directory}`]);
    child.kill("SIGKILL");
    await expect.poll(left, { timeout: 30_000 }).toBe("");
    expect(await run("ls", [directory])).toMatchObject({ code: 2 });
    // Its parent was killed too, so it stays in the process table until the system's first process has reaped it.
    await expect.poll(() => existsSync(`/proc/${container}`), { timeout: 30_000 }).toBe(false);
  },
);
