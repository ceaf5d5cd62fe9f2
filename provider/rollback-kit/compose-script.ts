import { resolve } from "node:path";
import { shellSecret, shellWord } from "./shell.ts";

export interface ComposeSteps {
  service: string;
  urlKey: string;
  envFile: string;
  /** The whole line with the legacy URL, without its end; latin1. */
  line: string;
  /** Compose's command line that starts the service with the env file, and the folder it is run in. */
  up: { command: string[]; folder: string };
  /** As DOCKER_HOST. */
  dockerHost: string | undefined;
}

/** The one line of the env file, replaced at once with all other bytes kept, and the service started with it. */
export function composeSteps({ service, urlKey, envFile, line, up, dockerHost }: ComposeSteps): string[] {
  const times = `${urlKey} stands in more than one line of ${envFile}; correct it by hand`;
  return [
    `file=${shellWord(resolve(envFile))}`,
    'if [ -L "$file" ]; then file=$(readlink -f "$file"); fi',
    shellSecret("line", line),
    "LC_ALL=C; export LC_ALL",
    `pattern="^($(printf '\\357\\273\\277'))?[[:blank:]]*(export[[:blank:]]+)?${urlKey}[[:blank:]]*="`,
    'lines=$(grep -n -E "$pattern" "$file" | cut -d : -f 1) || true',
    'case "$lines" in',
    `  *[!0-9]*) echo ${shellWord(times)} >&2; exit 1 ;;`,
    "esac",
    'next="$file.app-roles-rollback"',
    'rm -f "$next"',
    'if [ -n "$lines" ]; then',
    '  head -n "$((lines - 1))" "$file"',
    '  printf %s "$line"',
    // The last line may be without its end.
    '  if [ "$lines" -le "$(wc -l < "$file")" ]; then echo; fi',
    '  tail -n "+$((lines + 1))" "$file"',
    "else",
    '  cat "$file"',
    '  if [ -n "$(tail -c 1 "$file")" ]; then echo; fi',
    `  printf '%s\\n' "$line"`,
    'fi > "$next"',
    `chown "$(ls -n -d "$file" | awk '{ print $3 ":" $4 }')" "$next"`,
    'mv -f "$next" "$file"',
    `echo ${shellWord(`${service}: ${envFile} has its legacy URL; compose starts it`)}`,
    `unset ${urlKey}`,
    ...(dockerHost === undefined ? [] : [`export DOCKER_HOST=${shellWord(dockerHost)}`]),
    `cd ${shellWord(up.folder)}`,
    up.command.map(shellWord).join(" "),
  ];
}
