import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "app-roles-completion-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The output of a shell that runs `before`, the script and `code`. */
function inShell(shell: "bash" | "zsh" | "fish", code: string, before = ""): string[] {
  const { stdout, status, stderr } = spawnSync(process.execPath, ["bin/app-roles.js", "completion", shell]);
  expect({ status, said: String(stderr) }).toEqual({ status: 0, said: "" });
  const file = join(folder, shell);
  writeFileSync(file, stdout);
  const args = { bash: ["--norc", "-c"], zsh: ["-f", "-c"], fish: ["--no-config", "-c"] }[shell];
  const ran = spawnSync(shell, [...args, `${before}\nsource ${file}\n${code}`]);
  expect(String(ran.stderr)).toBe("");
  return String(ran.stdout).trim().split("\n").toSorted();
}

const isMissing = (shell: string) => spawnSync(shell, ["-c", "true"]).status !== 0;

describe.skipIf(isMissing("bash"))("bash completes", () => {
  const complete = (...words: string[]) =>
    inShell(
      "bash",
      `COMP_WORDS=(app-roles ${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length}; _app_roles; printf '%s\\n' "\${COMPREPLY[@]}"`,
    );
  test.each([
    [["ro"], ["rollback", "rotate", "rotate-superuser"]],
    [
      ["rollback", "--"],
      ["--force", "--help", "--stack"],
    ],
    [["env", "api", "--format", "do"], ["docker-secret", "dotenv"].toSorted()],
    [
      ["completion", ""],
      ["bash", "fish", "zsh"],
    ],
    // The shell's own completion of file names.
    [["env", "api", "--file", "x"], [""]],
  ])("%j", (words, expected) => expect(complete(...words)).toEqual(expected));
});

describe.skipIf(isMissing("zsh"))("zsh completes", () => {
  // The script's calls to zsh, whose result only a terminal shows.
  const asked = `compdef() { }; _describe() { print -rl -- \${(P)2} }; _arguments() { print -rl -- $@ }`;
  test("commands", () => {
    const said = inShell("zsh", "words=(app-roles ''); CURRENT=2; _app_roles", asked);
    expect(said).toContain("rollback:rolls one service back to its legacy URL immediately, without the database");
  });
  test("options and their values", () => {
    const said = inShell("zsh", "words=(app-roles env ''); CURRENT=3; _app_roles", asked);
    expect(said).toContainEqual(
      expect.stringMatching(/^\*--format\[compose\\: .*\]:--format:\(dotenv json compose docker-secret\)$/),
    );
  });
});

describe.skipIf(isMissing("fish"))("fish completes", () => {
  test.each([
    ["ro", ["rollback", "rotate", "rotate-superuser"]],
    ["rollback --", ["--force", "--help", "--stack"]],
    ["env api --format do", ["docker-secret", "dotenv"].toSorted()],
    ["completion ", ["bash", "fish", "zsh"]],
  ])("%s", (line, expected) => {
    const said = inShell("fish", `complete -C 'app-roles ${line}'`);
    expect(said.map((each) => each.split("\t")[0])).toEqual(expected);
  });
});
