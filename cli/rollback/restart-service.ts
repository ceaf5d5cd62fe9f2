import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Runtime } from "../../model/runtime.ts";
import { withoutSecrets } from "../../provider/cutover/gate/log.ts";
import { force } from "../../provider/rollback-kit/login-check.ts";
import { type RollbackSource, rollbackScriptText } from "../../provider/rollback-kit/rollback-source.ts";
import { childEnvironment, type Ended, lastLines, runChild } from "../../provider/service-env/child.ts";

/** What a successful script has verified. */
const seen: Partial<Record<Runtime, string>> = {
  command: "its command deployed it and reads that URL back",
  compose: "compose started it with the restored line of its env file",
  container: "its container was created again and ran for two seconds",
  swarm: "the swarm rolled it out",
};

/** The rollback script of a record. Throws if it cannot be generated. */
export async function scriptOfRecord(record: RollbackSource): Promise<string> {
  const { signal } = new AbortController();
  const report = { info: () => undefined, warn: () => undefined, progress: () => undefined };
  const text = await rollbackScriptText(record, { signal, report });
  if (text === undefined) throw new Error(`${record.service}: its legacy URL is not known`);
  return text;
}

/**
 * Runs the script that rolls a service back to its legacy URL. Resolves with what the script verified; throws its output
 * without secrets.
 */
export async function restartOnLegacy(script: string, runtime: Runtime): Promise<string> {
  const { code, stdout, stderr, isLate } = await runScript(script);
  if (code === 0) return seen[runtime] ?? "its script succeeded";
  const how = isLate ? "it took too long and was killed" : `exit code ${code ?? "of a signal"}`;
  const said = withoutSecrets(lastLines(`${stdout}\n${stderr}`), secretsIn(script));
  throw new Error(`${how}${said === "" ? "" : `:\n  ${said}`}`);
}

/** The secrets in a script (latin1): the contents of its here-documents, and passwords in their URLs. */
export function secretsIn(script: string): string[] {
  const kept = [...script.matchAll(/<<'(END_\w+)'[^\n]*\n([\s\S]*?)\n\1$/gm)].flatMap(([, , text = ""]) =>
    text.split("\n"),
  );
  const values = kept.flatMap((line) => [line, line.slice(line.indexOf("=") + 1)]);
  const passwords = values.flatMap((value) => /:\/\/[^\s:/@]*:([^\s@]+)@/.exec(value)?.[1] ?? []);
  const texts = [...values, ...passwords].map((text) => Buffer.from(text, "latin1").toString("utf8"));
  // Masking a short value would hide ordinary words.
  return texts.filter(({ length }) => length >= 6);
}

export function runtimeOf({ compose, command, container }: RollbackSource): Runtime {
  return compose ? "compose" : command ? "command" : container ? "container" : "swarm";
}

/** Milliseconds until a script is killed: the time that an up allows a deploy. */
const patience = 900_000;

/**
 * Runs a script (latin1) that holds secrets: from a file that only this user can read and the script removes as it begins, and
 * in its own process group, so that Ctrl-C does not interrupt it. The script tries no login: the caller has done that.
 */
async function runScript(text: string): Promise<Ended> {
  const folder = await mkdtemp(join(tmpdir(), "app-roles-script-"));
  try {
    const file = join(folder, "script.sh");
    const [first = "", ...rest] = text.split("\n");
    // The shell keeps reading the open file.
    await writeFile(file, [first, 'rm -f -- "$0"', ...rest].join("\n"), { encoding: "latin1", mode: 0o700 });
    const { signal } = new AbortController();
    return await runChild("sh", [file, force], { env: childEnvironment(), timeout: patience, signal });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
