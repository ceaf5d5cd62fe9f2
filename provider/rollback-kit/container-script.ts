import { rollbackLabel } from "../../model/container-labels.ts";
import { shellWord } from "../../model/shell-word.ts";
import type { DockerCreate } from "./contract.ts";
import { latin1, shellFile, shellSecret } from "./script.ts";

/** A container of the stack, with the arguments of `docker create`. */
export interface ContainerSteps {
  name: string;
  create: DockerCreate;
  /** Network to the container's aliases in it. */
  networks: Record<string, string[]>;
  /** Its whole environment, including the legacy URL. */
  env: Record<string, string>;
  /** As DOCKER_HOST. */
  dockerHost: string | undefined;
}

/**
 * Creates the container again with its legacy URL, under its name. The previous one is kept until the new one has run for two
 * seconds, and is started again if it does not.
 */
export function containerSteps({ name, create, networks, env, dockerHost }: ContainerSteps): string[] {
  const word = (text: string) => shellWord(latin1(text));
  const [first, ...others] = Object.entries(networks);
  const options = [
    ...create.options,
    `--label=${rollbackLabel}=true`,
    ...(first ? [`--network=${first[0]}`, ...first[1].map((alias) => `--network-alias=${alias}`)] : []),
  ];
  const lines = Object.entries(env).filter(([, value]) => !value.includes("\n"));
  const texts = Object.entries(env).filter(([, value]) => value.includes("\n"));
  for (const [key] of texts) refuseKey(key);
  return [
    ...dockerHostLine(dockerHost),
    `name=${word(name)}`,
    'previous="$name-rolled-back"',
    'exists() { docker container inspect "$1" >/dev/null 2>&1; }',
    `is_mine() { [ "$(docker container inspect --format '{{index .Config.Labels "${rollbackLabel}"}}' "$name")" = true ]; }`,
    "temporary=$(mktemp)",
    shellFile("temporary", latin1(lines.map(([key, value]) => `${key}=${value}`).join("\n"))),
    // In a subshell: values with several lines, which an env file cannot hold, are passed by the environment.
    "create() (",
    ...texts.map(([key, value]) => `${shellSecret(key, latin1(withoutEnd(value)))}\nexport ${key}`),
    `  docker create --name "$name" --env-file "$temporary" ${[...texts.map(([key]) => `--env=${key}`), ...options, create.image, ...create.words].map(word).join(" ")} >/dev/null`,
    ")",
    "run() {",
    "  create || return 1",
    ...others.map(
      ([network, aliases]) =>
        `  docker network connect ${[...aliases.map((alias) => `--alias=${alias}`), network].map(word).join(" ")} "$name" || return 1`,
    ),
    '  docker start "$name" >/dev/null || return 1',
    "  sleep 2",
    `  [ "$(docker container inspect --format '{{.State.Running}} {{.RestartCount}}' "$name")" = 'true 0' ]`,
    "}",
    'if exists "$name"; then',
    // An earlier run of this script was interrupted here.
    '  if exists "$previous" && is_mine; then docker rm -f "$name" >/dev/null',
    '  else if exists "$previous"; then docker rm -f "$previous" >/dev/null; fi',
    '    say "its container is stopped"',
    '    docker stop "$name" >/dev/null; docker rename "$name" "$previous"',
    "  fi",
    "fi",
    "if ! run; then",
    '  docker logs --tail 20 "$name" >&2 || true',
    '  docker rm -f "$name" >/dev/null 2>&1 || true',
    '  if exists "$previous"; then docker rename "$previous" "$name"; docker start "$name" >/dev/null; say "the previous container runs again" >&2; fi',
    "  exit 1",
    "fi",
    'if exists "$previous"; then docker rm -f "$previous" >/dev/null; fi',
  ];
}

export function dockerHostLine(dockerHost: string | undefined): string[] {
  return dockerHost === undefined ? [] : [`export DOCKER_HOST=${shellWord(dockerHost)}`];
}

/** The shell removes a trailing newline. */
function withoutEnd(text: string): string {
  return text.replace(/\n+$/, "");
}

/** Refuses keys that would change which program runs or which Docker is used. */
function refuseKey(key: string): void {
  if (/^[A-Za-z_]\w*$/.test(key) && !/^(PATH|HOME|IFS|LD_|DOCKER_)/.test(key)) return;
  throw new Error(`its environment variable ${key} has several lines, which the script cannot pass to Docker`);
}
