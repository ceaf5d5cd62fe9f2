import { chmod, cp, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { run } from "../../sandbox/process.ts";
import { temporaryFolder } from "./temporary.ts";

/** A project of one package, with a fake npm that installs the packages in `lock`, appends its arguments to `calls`, or fails. */
async function project(npm = "") {
  const folder = await temporaryFolder();
  await mkdir(join(folder, "sandbox"));
  await cp("sandbox/setup.mjs", join(folder, "sandbox/setup.mjs"));
  const npmFile = join(folder, "npm.mjs");
  await writeFile(
    npmFile,
    `import fs from "node:fs";
    fs.appendFileSync("calls", process.argv[2] + "\\n");
    ${npm}
    fs.mkdirSync("node_modules/.bin", { recursive: true });
    fs.rmSync("node_modules/.bin/node", { force: true });
    fs.symlinkSync(process.execPath, "node_modules/.bin/node");
    const { packages } = JSON.parse(fs.readFileSync("package-lock.json", "utf8"));
    for (const path of Object.keys(packages)) if (packages[path].optional) delete packages[path];
    fs.writeFileSync("node_modules/.package-lock.json", JSON.stringify({ packages }));`,
  );
  const lock = (version: string) =>
    writeFile(
      join(folder, "package-lock.json"),
      JSON.stringify({
        packages: {
          "": { version: "0.1.0" },
          "node_modules/one": { version },
          "node_modules/for-another-platform": { version: "1.0.0", optional: true },
        },
      }),
    );
  await lock("1.0.0");
  return {
    folder,
    lock,
    setup: () =>
      run(process.execPath, [join(folder, "sandbox/setup.mjs")], {
        cwd: folder,
        env: { ...process.env, npm_execpath: npmFile, npm_node_execpath: process.execPath },
      }),
    calls: () => readFile(join(folder, "calls"), "utf8"),
  };
}

test("installs packages once, and again after the lock file changed", async () => {
  const { setup, lock, calls } = await project();
  expect(await setup()).toMatchObject({
    code: 0,
    stderr: expect.stringContaining("installing the project's packages"),
  });
  expect(await setup()).toEqual({ code: 0, stdout: "", stderr: "" });
  expect(await calls()).toBe("ci\n");
  await lock("1.0.1");
  expect((await setup()).code).toBe(0);
  expect(await calls()).toBe("ci\nci\n");
});

test("reinstalls a missing pinned Node", async () => {
  const { folder, setup, calls } = await project();
  await setup();
  const node = join(folder, "node_modules/.bin/node");
  await run("rm", [node]);
  await symlink("nowhere", node);
  expect((await setup()).code).toBe(0);
  expect(await calls()).toBe("ci\nci\n");
});

test("reports a failed installation", async () => {
  const { setup } = await project("process.exit(1);");
  expect(await setup()).toMatchObject({ code: 1, stderr: expect.stringContaining("setup: npm ci failed") });
});

test("reports a pinned Node that does not run, with the fix", async () => {
  const { folder, setup } = await project("process.on('exit', () => fs.rmSync('node_modules/.bin/node'));");
  await chmod(folder, 0o755);
  expect(await setup()).toMatchObject({ code: 1, stderr: expect.stringContaining("--ignore-scripts=false") });
});
