import { resolve } from "node:path";
import { shellWord } from "../../model/shell-word.ts";
import { shellSecret } from "./script.ts";

export interface CommandSteps {
  service: string;
  urlKey: string;
  path: string;
  args: string[];
  legacyUrl: string;
}

/** Runs the user's executable with `write` and `deploy`, as the stack does. */
export function commandSteps({ service, urlKey, path, args, legacyUrl }: CommandSteps): string[] {
  const command = (action: string) => [resolve(path), ...args, service, action].map(shellWord).join(" ");
  return [
    `cd ${shellWord(process.cwd())}`,
    `export APP_ROLES_URL_KEY=${urlKey}`,
    shellSecret("url", Buffer.from(legacyUrl, "utf8").toString("latin1")),
    `say ${shellWord(`${path} writes its legacy URL`)}`,
    `printf %s "$url" | ${command("write")}`,
    `say ${shellWord(`${path} deploys it`)}`,
    command("deploy"),
    `if [ "$(${command("read")})" != "$url" ]; then say 'read prints another value than was written' >&2; exit 1; fi`,
  ];
}
