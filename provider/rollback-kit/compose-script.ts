import { resolve } from "node:path";
import { shellWord } from "../../model/shell-word.ts";
import { shellSecret } from "./script.ts";

export interface ComposeSteps {
  urlKey: string;
  envFile: string;
  /** The whole line with the legacy URL, without its end; latin1. */
  line: string;
  /** The folder in which compose runs. */
  folder: string;
  /** Compose's command line for the project. */
  compose: string[];
  /** The name of the service in the compose files. */
  composeService: string;
  /** `up` with its options. */
  up: string[];
  /** As DOCKER_HOST. */
  dockerHost: string | undefined;
}

/** Replaces one line of the env file atomically, keeps all other bytes, and starts the service. */
export function composeSteps(steps: ComposeSteps): string[] {
  const { urlKey, envFile, line, folder, compose, composeService, up, dockerHost } = steps;
  const name = shellWord(composeService);
  return [
    "# Set the shell variables that the compose files use, as for compose itself: this script does not contain them.",
    `file=${shellWord(resolve(envFile))}`,
    'if [ -L "$file" ]; then file=$(readlink -f "$file"); fi',
    shellSecret("line", line),
    "LC_ALL=C; export LC_ALL",
    `pattern="^($(printf '\\357\\273\\277'))?[[:blank:]]*(export[[:blank:]]+)?${urlKey}[[:blank:]]*="`,
    'number=$(grep -n -E "$pattern" "$file" | cut -d : -f 1)',
    'case "$number" in',
    `  *[!0-9]*) say "$file has ${urlKey} in more than one line; keep one of them" >&2; exit 1 ;;`,
    "esac",
    'temporary=$(mktemp "$file.XXXXXX")',
    // Keeps owner and mode.
    'cp -p "$file" "$temporary"',
    'if [ -n "$number" ]; then',
    '  head -n "$((number - 1))" "$file"',
    '  printf %s "$line"',
    // The last line can lack its newline.
    '  if [ "$number" -le "$(wc -l < "$file")" ]; then echo; fi',
    '  tail -n "+$((number + 1))" "$file"',
    "else",
    '  cat "$file"',
    '  if [ -n "$(tail -c 1 "$file")" ]; then echo; fi',
    `  printf '%s\\n' "$line"`,
    'fi > "$temporary"',
    'mv -f "$temporary" "$file"; temporary=',
    'say "$file has its legacy URL; compose starts it"',
    ...(dockerHost === undefined ? [] : [`export DOCKER_HOST=${shellWord(dockerHost)}`]),
    `cd ${shellWord(folder)}`,
    `compose() { ${compose.map(shellWord).join(" ")} "$@"; }`,
    `count=$(compose ps -a -q ${name} | grep -c .) || count=1`,
    `compose ${up.map(shellWord).join(" ")} --scale ${name}="$count" ${name}`,
  ];
}
