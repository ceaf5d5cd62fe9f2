import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { createSandbox, type Sandbox } from "../../sandbox/project/sandbox.ts";
import { isRunning, until } from "./temporary.ts";

/** A sandbox with a small program instead of the project's. */
async function program(source: string, files: Record<string, string> = {}): Promise<Sandbox> {
  const sandbox = await createSandbox({
    stacks: ["dev"],
    files: {
      "Pulumi.yaml": "{name: app-roles, main: index.ts, runtime: {name: nodejs, options: {typescript: false}}}",
      "index.ts": source,
      ...files,
    },
  });
  onTestFinished(sandbox.remove);
  return sandbox;
}

test("a program receives the stack's configuration and returns its outputs", async () => {
  const sandbox = await program(`
    import * as pulumi from "@pulumi/pulumi";
    const config = new pulumi.Config();
    const kind: string = "stripped by Node itself";
    export const plain = config.requireObject("plain");
    export const secret = config.requireSecret("secret");
    export const context = [pulumi.getProject(), pulumi.getStack(), pulumi.getOrganization(), pulumi.runtime.isDryRun()];
    export const where = [process.cwd(), pulumi.getRootDirectory(), kind];
  `);
  await sandbox.setConfig("plain", { list: [1, "zwei = 2"] });
  await sandbox.setSecret("secret", "s3cret");
  expect((await sandbox.pulumi(["preview"])).stdout).toContain("[3]: true");
  expect((await sandbox.pulumi(["up"])).code).toBe(0);
  const shown = await sandbox.pulumi(["stack", "output", "--json", "--show-secrets"]);
  expect(JSON.parse(shown.stdout)).toEqual({
    plain: { list: [1, "zwei = 2"] },
    secret: "s3cret",
    context: ["app-roles", "dev", "organization", false],
    where: [sandbox.dir, sandbox.dir, "stripped by Node itself"],
  });
  expect((await sandbox.pulumi(["stack", "output", "--json"])).stdout).toContain('"secret": "[secret]"');
});

test("a program receives the names of secret keys", async () => {
  const sandbox = await program(`
    import { isConfigSecret } from "@pulumi/pulumi/runtime/index.js";
    export const secret = isConfigSecret("app-roles:secret");
    export const open = isConfigSecret("app-roles:open");
  `);
  await sandbox.setConfig("open", "1");
  await sandbox.setSecret("secret", "s3cret");
  await sandbox.pulumi(["up"]);
  const { stdout } = await sandbox.pulumi(["stack", "output", "--json"]);
  expect(JSON.parse(stdout)).toEqual({ secret: true, open: false });
});

test("the engine shows a program's output", async () => {
  const sandbox = await program("console.log('to stdout'); console.error('to stderr');");
  const { code, stdout } = await sandbox.pulumi(["preview"]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/to stdout[\s\S]*to stderr/) });
});

test("a program that throws fails the preview, which shows only its message", async () => {
  const sandbox = await program("throw new Error('the pool is dry');");
  const { code, stdout, stderr } = await sandbox.pulumi(["preview"]);
  expect(code).not.toBe(0);
  expect(stdout + stderr).toContain("the pool is dry");
  expect(stdout + stderr).not.toContain("exit code");
});

test("a program that exits fails the preview, which shows its exit code", async () => {
  const sandbox = await program("process.exit(3);");
  const { code, stdout, stderr } = await sandbox.pulumi(["preview"]);
  expect(code).not.toBe(0);
  expect(stdout + stderr).toContain("Program exited with non-zero exit code: 3");
});

test("refuses a runtime option that it does not implement", async () => {
  const sandbox = await program("", {
    "Pulumi.yaml": "{name: app-roles, main: index.ts, runtime: {name: nodejs, options: {nodeargs: --inspect}}}",
  });
  const { code, stdout, stderr } = await sandbox.pulumi(["preview"]);
  expect(code).not.toBe(0);
  expect(stdout + stderr).toContain("no runtime option nodeargs");
});

test("pulumi about shows Node's version and the program's packages", async () => {
  const sandbox = await program("");
  const about = JSON.parse((await sandbox.pulumi(["about", "--json"])).stdout) as {
    runtime: { version: string };
    dependencies: { name: string; version: string }[];
    plugins: { name: string; version: string | null }[];
  };
  const { dependencies } = JSON.parse(await readFile("package.json", "utf8")) as {
    dependencies: Record<string, string>;
  };
  expect(about.runtime.version).toBe(process.version);
  expect(about.dependencies).toContainEqual({ name: "@pulumi/random", version: dependencies["@pulumi/random"] });
  expect(about.plugins).toContainEqual({ name: "random", version: dependencies["@pulumi/random"], kind: "resource" });
});

test("pulumi install does not change the project's packages", async () => {
  const sandbox = await program("");
  const { code, stdout } = await sandbox.pulumi(["install"]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining("nothing to install") });
});

describe("a policy pack", () => {
  const pack = {
    "policies/PulumiPolicy.yaml": "{runtime: nodejs, version: 0.0.1, main: index.js}",
    "policies/package.json": '{"name": "rules", "version": "0.0.1", "type": "module", "main": "index.js"}',
    "policies/index.js": 'import "./pack.ts";',
    "policies/pack.ts": `
      import { PolicyPack, type StackValidationPolicy } from "@pulumi/policy";
      const rule: StackValidationPolicy = {
        name: "no-thing", description: "Things are refused", enforcementLevel: "mandatory",
        validateStack: ({ resources }, report) => {
          for (const { type, name } of resources) if (type === "test:index:Thing") report(name + " is a thing too many");
        },
      };
      new PolicyPack("rules", { policies: [rule] });`,
  };
  const thing = `
    import * as pulumi from "@pulumi/pulumi";
    new pulumi.ComponentResource("test:index:Thing", "vase");`;

  test("refuses a violation", async () => {
    const sandbox = await program(thing, pack);
    const { code, stdout } = await sandbox.pulumi(["preview", "--policy-pack", "policies"]);
    expect(code).not.toBe(0);
    expect(stdout).toContain("vase is a thing too many");
  });

  test("accepts a program without violations", async () => {
    const sandbox = await program("", pack);
    const { code, stdout } = await sandbox.pulumi(["preview", "--policy-pack", "policies"]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining("rules@v0.0.1") });
  });

  test("that cannot be loaded fails the preview with the reason", async () => {
    const sandbox = await program("", { ...pack, "policies/pack.ts": "throw new Error('no rules today');" });
    const { code, stdout, stderr } = await sandbox.pulumi(["preview", "--policy-pack", "policies"]);
    expect(code).not.toBe(0);
    expect(stdout + stderr).toContain("no rules today");
  });
});

describe.each([
  ["in a process of its own", true],
  ["in the plugin host", false],
])("a running program, with its language host %s", (_, isAlone) => {
  const endless = `
    import { renameSync, writeFileSync } from "node:fs";
    writeFileSync("pids.partial", JSON.stringify({ program: process.pid, host: process.ppid }));
    renameSync("pids.partial", "pids");
    await new Promise(() => setInterval(() => undefined, 1000));`;

  async function underWay() {
    if (isAlone) vi.stubEnv("SANDBOX_PLUGIN_HOST", undefined);
    const sandbox = await program(endless);
    vi.unstubAllEnvs();
    const engine = spawn("pulumi", ["preview", "--non-interactive"], { cwd: sandbox.dir, env: sandbox.env });
    let output = "";
    for (const stream of [engine.stdout, engine.stderr])
      stream.setEncoding("utf8").on("data", (text) => (output += text));
    const ended = new Promise<number | null>((resolve) => engine.once("close", resolve));
    await until(() => existsSync(join(sandbox.dir, "pids")));
    const pids = JSON.parse(await readFile(join(sandbox.dir, "pids"), "utf8")) as { program: number; host: number };
    return { engine, ended, pids, output: () => output };
  }

  test("ends with the language host if the engine is killed", async () => {
    const { engine, pids } = await underWay();
    engine.kill("SIGKILL");
    await until(() => !isRunning(pids.program) && !(isAlone && isRunning(pids.host)));
  });

  test("stops if the user cancels, and its exit code is not shown", async () => {
    const { engine, ended, pids, output } = await underWay();
    engine.kill("SIGINT");
    expect(await ended).not.toBe(0);
    await until(() => !isRunning(pids.program) && !(isAlone && isRunning(pids.host)));
    expect(output()).not.toContain("exit code");
  });
});
