import { resolve } from "node:path";
import { shellSecret, shellWord } from "./shell.ts";

export interface CommandSteps {
  service: string;
  urlKey: string;
  path: string;
  args: string[];
  legacyUrl: string;
}

/** The user's executable is told to write and to deploy, as the stack does it. */
export function commandSteps({ service, urlKey, path, args, legacyUrl }: CommandSteps): string[] {
  const command = (action: string) => [resolve(path), ...args, service, action].map(shellWord).join(" ");
  const unwell = `${service}: after write and deploy, read gives another value`;
  return [
    `cd ${shellWord(process.cwd())}`,
    `unset ${urlKey}`,
    `export APP_ROLES_URL_KEY=${urlKey}`,
    shellSecret("url", Buffer.from(legacyUrl, "utf8").toString("latin1")),
    `echo ${shellWord(`${service}: ${path} writes its legacy URL`)}`,
    `printf %s "$url" | ${command("write")}`,
    `echo ${shellWord(`${service}: ${path} deploys it`)}`,
    command("deploy"),
    `if [ "$(${command("read")})" != "$url" ]; then echo ${shellWord(unwell)} >&2; exit 1; fi`,
  ];
}
