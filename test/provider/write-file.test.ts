import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { writeFileAtomically } from "../../provider/write-file.ts";

describe("the file", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "app-roles-env-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test("is replaced atomically, through a link, and only its owner can read it", async () => {
    const target = join(folder, "target.env");
    const link = join(folder, "link.env");
    writeFileSync(target, "old");
    chmodSync(target, 0o644);
    symlinkSync("target.env", link);
    // As a process leaves it that was killed while writing.
    writeFileSync(join(folder, ".target.env.app-roles"), "half");
    const before = statSync(target);
    await writeFileAtomically(link, "caf\u00e9\u00ff", { owner: "keep" });
    expect(readFileSync(target, "latin1")).toBe("caf\u00e9\u00ff");
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    const after = statSync(target);
    expect(after.mode & 0o777).toBe(0o600);
    expect(after.ino).not.toBe(before.ino);
    expect(readdirSync(folder).toSorted()).toEqual(["link.env", "target.env"]);
  });

  test.runIf(process.getuid?.() === 0)("keeps its owner where that is asked for", async () => {
    const path = join(folder, "x.env");
    writeFileSync(path, "old");
    chownSync(path, 1234, 4321);
    await writeFileAtomically(path, "new", { owner: "keep" });
    expect(statSync(path)).toMatchObject({ uid: 1234, gid: 4321 });
  });

  test.runIf(process.getuid?.() === 0)("is not given to another user who left a file or a link there", async () => {
    const foreign = join(folder, "foreign.env");
    const link = join(folder, "link.env");
    writeFileSync(foreign, "old");
    chownSync(foreign, 1234, 4321);
    symlinkSync("foreign.env", link);
    await writeFileAtomically(link, "secret");
    expect(readFileSync(foreign, "utf8")).toBe("old");
    await writeFileAtomically(foreign, "secret");
    for (const path of [link, foreign]) {
      expect(lstatSync(path).isFile()).toBe(true);
      expect(statSync(path)).toMatchObject({ uid: 0, mode: 0o100600 });
    }
  });

  test("is created with mode 0600, or with the mode that is asked for", async () => {
    await writeFileAtomically(join(folder, "new.env"), "caf\u00e9", { encoding: "utf8" });
    expect(readFileSync(join(folder, "new.env"), "utf8")).toBe("caf\u00e9");
    expect(statSync(join(folder, "new.env")).mode & 0o777).toBe(0o600);
    await writeFileAtomically(join(folder, "new.sh"), "x", { mode: 0o700 });
    expect(statSync(join(folder, "new.sh")).mode & 0o777).toBe(0o700);
    await writeFileAtomically(join(folder, "new.sh"), "y", { mode: "keep" });
    expect(statSync(join(folder, "new.sh")).mode & 0o777).toBe(0o700);
  });

  test("is refused where the path is not a regular file, and nothing is changed", async () => {
    mkdirSync(join(folder, "taken"));
    await expect(writeFileAtomically(join(folder, "taken"), "x")).rejects.toThrow("taken is not a regular file");
    symlinkSync("/dev/null", join(folder, "null"));
    await expect(writeFileAtomically(join(folder, "null"), "x", { owner: "keep" })).rejects.toThrow(
      "null is not a regular file",
    );
    expect(readdirSync(folder).toSorted()).toEqual(["null", "taken"]);
  });

  // Needs a user that may mount a file system.
  const canMount = spawnSync("unshare", ["--mount", "mount", "-t", "tmpfs", "tmpfs", tmpdir()]).status === 0;
  test.runIf(canMount)("keeps its previous text on a full disk", () => {
    const script = `
      import { readFileSync, writeFileSync } from "node:fs";
      import { writeFileAtomically } from "${new URL("../../provider/write-file.ts", import.meta.url)}";
      writeFileSync("x.env", "old");
      const code = await writeFileAtomically("x.env", "x".repeat(500_000)).catch((error) => error.code);
      console.log(code, readFileSync("x.env", "utf8"));`;
    const inside = 'mount -t tmpfs -o size=64k tmpfs "$0" && cd "$0" && exec "$1" --input-type=module --eval "$2"';
    const { stdout } = spawnSync("unshare", ["--mount", "sh", "-c", inside, folder, process.execPath, script]);
    expect(String(stdout)).toBe("ENOSPC old\n");
  });
});
