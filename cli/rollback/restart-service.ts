import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Runtime } from "../../model/runtime.ts";
import { withoutSecrets } from "../../provider/cutover/gate/log.ts";
import { force } from "../../provider/rollback-kit/login-check.ts";
import { type RollbackSource, rollbackScriptText } from "../../provider/rollback-kit/rollback-source.ts";
import { childEnvironment, type Ended, lastLines, runChild } from "../../provider/service-env/child.ts";

/** What a script that ended with exit code 0 has seen. */
const seen: Partial<Record<Runtime, string>> = {
  command: "its command deployed it, and reads that URL back",
  compose: "compose started it with the line that is back in its env file",
  container: "its container was made anew, and ran for two seconds",
  swarm: "the swarm rolled it out",
};

/** The script of a recorded way back. Throws when it cannot be made. */
export async function scriptOfRecord(record: RollbackSource): Promise<string> {
  const { signal } = new AbortController();
  const report = { info: () => undefined, warn: () => undefined, progress: () => undefined };
  const text = await rollbackScriptText(record, { signal, report });
  if (text === undefined) throw new Error(`${record.service}: its legacy URL is not known`);
  return text;
}

/**
 * Runs the script that puts a service back on its legacy URL. Resolves with what is known of it then; throws what the
 * script said, without the secrets in it.
 */
export async function restartOnLegacy(script: string, runtime: Runtime): Promise<string> {
  const { code, stdout, stderr, isLate } = await runScript(script);
  if (code === 0) return seen[runtime] ?? "its script ended well";
  const how = isLate ? "it took too long, and was ended" : `exit code ${code ?? "of a signal"}`;
  const said = withoutSecrets(lastLines(`${stdout}\n${stderr}`), secretsIn(script));
  throw new Error(`${how}${said === "" ? "" : `:\n  ${said}`}`);
}

/** What must not be seen of a script (latin1): what it keeps in its here-documents, and the passwords of URLs in them. */
export function secretsIn(script: string): string[] {
  const kept = [...script.matchAll(/<<'(END_\w+)'[^\n]*\n([\s\S]*?)\n\1$/gm)].flatMap(([, , text = ""]) =>
    text.split("\n"),
  );
  const values = kept.flatMap((line) => [line, line.slice(line.indexOf("=") + 1)]);
  const passwords = values.flatMap((value) => /:\/\/[^\s:/@]*:([^\s@]+)@/.exec(value)?.[1] ?? []);
  const texts = [...values, ...passwords].map((text) => Buffer.from(text, "latin1").toString("utf8"));
  // A short one is no secret, and would blot out ordinary words.
  return texts.filter(({ length }) => length >= 6);
}

export function runtimeOf({ compose, command, container }: RollbackSource): Runtime {
  return compose ? "compose" : command ? "command" : container ? "container" : "swarm";
}

/** Milliseconds until a script is ended: as long as a deploy may take in an up. */
const patience = 900_000;

/**
 * Runs a script (latin1) that holds secrets: from a file for this user alone, which the script itself removes as it begins, and
 * in a process group of its own, so that a Ctrl-C does not end it half-way. It tries no login: that is done before, where it matters.
 */
async function runScript(text: string): Promise<Ended> {
  const folder = await mkdtemp(join(tmpdir(), "app-roles-script-"));
  try {
    const file = join(folder, "script.sh");
    const [first = "", ...rest] = text.split("\n");
    // The shell goes on reading the file that it has open.
    await writeFile(file, [first, 'rm -f -- "$0"', ...rest].join("\n"), { encoding: "latin1", mode: 0o700 });
    const { signal } = new AbortController();
    return await runChild("sh", [file, force], { env: childEnvironment(), timeout: patience, signal });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
