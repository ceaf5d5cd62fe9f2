import type { Runtime } from "../../model/runtime.ts";
import { withoutSecrets } from "../../provider/cutover/gate/secrets.ts";
import { type WayBack, wayBackScript } from "../../provider/rollback-kit/rollback-source.ts";
import { lastLines } from "../../provider/service-env/child.ts";
import { runScript } from "./run-script.ts";

/** What a script that ended with exit code 0 has seen. */
const seen: Partial<Record<Runtime, string>> = {
  command: "its command deployed it, and reads that URL back",
  compose: "compose started it with the line that is back in its env file",
  container: "its container was made anew, and ran for two seconds",
  swarm: "the swarm rolled it out",
};

/** The script of a recorded way back. Throws when it cannot be made. */
export async function scriptOfRecord(record: WayBack): Promise<string> {
  const { signal } = new AbortController();
  const report = { info: () => undefined, warn: () => undefined, progress: () => undefined };
  const text = await wayBackScript(record, { signal, report });
  if (text === undefined) throw new Error(`${record.service}: its legacy URL is not known`);
  return text;
}

/**
 * Runs the script that puts a service back on its legacy URL. Resolves with what is known of it then; throws what the
 * script said, without the secrets in it.
 */
export async function putBack(script: string, runtime: Runtime): Promise<string> {
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

export function runtimeOf({ compose, command, container }: WayBack): Runtime {
  return compose ? "compose" : command ? "command" : container ? "container" : "swarm";
}
