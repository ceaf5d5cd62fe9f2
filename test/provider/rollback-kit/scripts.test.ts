import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { shellWord } from "../../../model/shell-word.ts";
import { commandSteps } from "../../../provider/rollback-kit/command-script.ts";
import { composeSteps } from "../../../provider/rollback-kit/compose-script.ts";
import { KeptScript } from "../../../provider/rollback-kit/kept-script.ts";
import { marker, scriptOf, shellSecret } from "../../../provider/rollback-kit/script.ts";
import { lineOf, withValue } from "../../../provider/service-env/env-file.ts";

const hostile = 'it\'s "$HOME" `id` \\ $(id) #;&|<>*? é\nEND';
const subject = { service: "api", stack: "prod", urlKey: "DATABASE_URL" };
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "app-roles-rollback kit-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const at = (name: string) => join(folder, name);
/** As on a bare server: only the PATH of this process's environment. */
function sh(script: string): string {
  writeFileSync(at("script.sh"), script, "latin1");
  return execFileSync("/bin/sh", [at("script.sh")], {
    env: { PATH: process.env.PATH },
    encoding: "utf8",
    stdio: "pipe",
  });
}
const latin1 = (text: string) => Buffer.from(text, "utf8").toString("latin1");

test("the shell preserves words and secrets", () => {
  const words = ["", hostile, "-n", "%s"];
  expect(sh(latin1(words.map((word) => `printf '<%s>' ${shellWord(word)}`).join("\n")))).toBe(
    words.map((word) => `<${word}>`).join(""),
  );
  expect(sh(`${shellSecret("secret", latin1(hostile))}\nprintf '<%s>' "$secret"`)).toBe(`<${hostile}>`);
  expect(() => shellSecret("secret", "x\n")).toThrow(/ends with a newline/);
});

describe("a command's script", () => {
  test("writes the URL on standard input, deploys and verifies", () => {
    writeFileSync(
      at("keep.sh"),
      `#!/bin/sh
cd "$(dirname "$0")"
case "$3" in
  read) cat value ;;
  write) cat >value; printf '%s\\n' "$@" >written ;;
  deploy) printf '%s %s' "$APP_ROLES_URL_KEY" "\${DATABASE_URL-none}" >deployed ;;
esac
`,
    );
    chmodSync(at("keep.sh"), 0o755);
    const legacyUrl = "postgres://postgres:it's$HOME`id`\\é@db/shop";
    const declared = { service: "a p'i", urlKey: "DATABASE_URL", path: at("keep.sh"), args: ["$x"], legacyUrl };
    const script = scriptOf({ ...subject, service: "a p'i\nrm" }, commandSteps(declared));
    for (const _ of ["once", "and again"]) expect(sh(script)).toContain("runs with its legacy URL again");
    expect(readFileSync(at("value"), "utf8")).toBe(legacyUrl);
    expect(readFileSync(at("written"), "utf8")).toBe("$x\na p'i\nwrite\n");
    expect(readFileSync(at("deployed"), "utf8")).toBe("DATABASE_URL none");
  });

  test("a failing step ends it with an exit code", () => {
    writeFileSync(at("keep.sh"), "#!/bin/sh\n[ $2 != deploy ] || exit 3\ncat\n");
    chmodSync(at("keep.sh"), 0o755);
    const declared = {
      service: "api",
      urlKey: "DATABASE_URL",
      path: at("keep.sh"),
      args: [],
      legacyUrl: "postgres://x/y",
    };
    expect(() => sh(scriptOf(subject, commandSteps(declared)))).toThrow(
      expect.objectContaining({ status: 3, stderr: expect.stringContaining("api: NOT rolled back (exit code 3)") }),
    );
  });
});

describe("a compose service's script", () => {
  const role = "postgres://shop_app:0123456789abcdef@db/shop";
  const legacy = "postgres://postgres:old&/\\1$ecret@db/shop".replace("\\", "%5C");
  const composed = (text: string, file = "web.env") => {
    writeFileSync(at(file), text, "latin1");
    writeFileSync(
      at("compose"),
      `#!/bin/sh\ncase " $* " in *" ps "*) echo one; echo two ;; *) printf '%s ' "$PWD" "$DOCKER_HOST" "$@" >>"${at("ran")}" ;; esac\n`,
    );
    chmodSync(at("compose"), 0o755);
    const line = lineOf(withValue(text, "DATABASE_URL", legacy), "DATABASE_URL");
    const run = { folder, compose: [at("compose"), "-p", "a b"], composeService: "w", up: ["up", "-d"] };
    const declared = { urlKey: "DATABASE_URL", envFile: at("web.env"), line, ...run };
    return scriptOf(subject, composeSteps({ ...declared, dockerHost: "unix:///run/x.sock" }));
  };

  test.each([
    ["quoted, among CRLF lines", `A=1\r\nexport DATABASE_URL='${role}' # main\r\nB=2`],
    ["the first line, behind a byte order mark", `\u00ef\u00bb\u00bfDATABASE_URL=${role}\nDATABASE_URL_OLD=1\n`],
    ["the last line, without its end", `#DATABASE_URL=x\nX_DATABASE_URL=1\n\u00e9=\u00ff\nDATABASE_URL="${role}"`],
    ["the only line", `DATABASE_URL=${role}\n`],
    ["no line yet", "A=1\n"],
    ["no line yet, and no end of the last", "A=1"],
    ["an empty file", ""],
  ])("restores its line and keeps all other bytes: %s", (_, text) => {
    const script = composed(text);
    const expected = withValue(text, "DATABASE_URL", legacy);
    chmodSync(at("web.env"), 0o600);
    for (const _ of ["once", "and again"]) expect(sh(script)).toContain("runs with its legacy URL again");
    const written = readFileSync(at("web.env"), "latin1");
    // A missing line is added with its newline.
    expect(written.replace(/\n$/, "")).toBe(expected.replace(/\n$/, ""));
    if (text.includes(role)) expect(written).toBe(expected);
    expect(statSync(at("web.env")).mode & 0o777).toBe(0o600);
    expect(readFileSync(at("ran"), "utf8")).toBe(`${folder} unix:///run/x.sock -p a b up -d --scale w=2 w `.repeat(2));
  });

  test("writes through a symbolic link, and refuses a duplicate key", () => {
    const script = composed(`DATABASE_URL=${role}\n`, "real.env");
    symlinkSync(at("real.env"), at("web.env"));
    sh(script);
    expect(readFileSync(at("real.env"), "utf8")).toBe(`DATABASE_URL='${legacy}'\n`);
    writeFileSync(at("real.env"), `DATABASE_URL=${role}\nexport DATABASE_URL=${role}\n`);
    expect(() => sh(script)).toThrow(/has DATABASE_URL in more than one line/);
    expect(readFileSync(at("real.env"), "utf8")).toContain(role);
  });
});

describe("the kept script", () => {
  test("is accessible only to its owner, and changes are detected", async () => {
    const kept = new KeptScript(join(folder, "kit"), "../a/é b");
    expect(kept.path.startsWith(`${join(folder, "kit")}/`)).toBe(true);
    expect(kept.path.slice(folder.length + 5)).not.toContain("/");
    const x = `#!/bin/sh\n${marker}\nx`;
    expect(await kept.difference(x)).toBe("does not exist yet");
    await kept.write(x);
    expect([statSync(kept.path).mode & 0o777, statSync(join(folder, "kit")).mode & 0o777]).toEqual([0o700, 0o700]);
    expect(await kept.difference(x)).toBeUndefined();
    expect(await kept.difference("y")).toBe("is outdated");
    chmodSync(kept.path, 0o755);
    expect(await kept.difference(x)).toBe("has mode 755 instead of 700");
    await kept.remove();
    await kept.remove();
    expect(await kept.difference(x)).toBe("does not exist yet");
    writeFileSync(kept.path, "#!/bin/sh\necho mine\n");
    for (const work of [() => kept.difference(x), () => kept.write(x), () => kept.remove()]) {
      await expect(work()).rejects.toThrow(/is not a script of the rollback kit/);
    }
  });

  test("a folder that others can write to is refused", async () => {
    mkdirSync(at("open"));
    chmodSync(at("open"), 0o777);
    await expect(new KeptScript(at("open"), "api").write("x")).rejects.toThrow(
      /open: other users own the folder or can write to it/,
    );
    writeFileSync(at("file"), "");
    await expect(new KeptScript(at("file"), "api").difference("x")).rejects.toThrow(/is not a folder/);
  });
});
