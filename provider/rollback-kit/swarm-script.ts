import { connectAsLabel } from "../../model/container-labels.ts";
import { shellWord } from "../../model/shell-word.ts";
import { dockerHostLine } from "./container-script.ts";
import { latin1, shellSecret } from "./script.ts";

/** A swarm service of the stack. */
export interface SwarmSteps {
  name: string;
  urlKey: string;
  /** The URL as an environment variable, or as a Docker secret's file of that name. */
  urlFrom: "env" | "file";
  legacyUrl: string;
  /** As DOCKER_HOST. */
  dockerHost: string | undefined;
}

const label = `${connectAsLabel}=legacy`;

/** A rolling update to the legacy URL, which the swarm rolls back if it fails. */
export function swarmSteps({ name, urlKey, urlFrom, legacyUrl, dockerHost }: SwarmSteps): string[] {
  // Not a container label: the next up would replace the service because of it.
  const update = `docker service update --quiet --detach=false --label-add=${label}`;
  return [
    ...dockerHostLine(dockerHost),
    `name=${shellWord(latin1(name))}`,
    shellSecret("url", latin1(legacyUrl)),
    ...(urlFrom === "file" ? secretLines(urlKey, update) : environmentLines(urlKey, update)),
    `state=$(docker service inspect --format '{{with .UpdateStatus}}{{.State}}{{end}}' "$name")`,
    'case "$state" in',
    '  rollback*|paused) say "the swarm did not complete the update: $state" >&2; exit 1 ;;',
    "esac",
  ];
}

/** Without a value Docker reads the variable from its environment. */
function environmentLines(urlKey: string, update: string): string[] {
  return [`${urlKey}=$url; export ${urlKey}`, `${update} --env-add=${urlKey} "$name" >/dev/null`, `unset ${urlKey}`];
}

function secretLines(urlKey: string, update: string): string[] {
  const format = `{{range .Spec.TaskTemplate.ContainerSpec.Secrets}}{{if eq .File.Name "${urlKey}"}}{{.SecretName}}{{end}}{{end}}`;
  return [
    `previous=$(docker service inspect --format '${format}' "$name")`,
    'secret="app-roles-rollback-$(date +%s)-$$"',
    `printf %s "$url" | docker secret create --label=${label} "$secret" - >/dev/null`,
    `${update} \${previous:+--secret-rm="$previous"} --secret-add="source=$secret,target=${urlKey}" "$name" >/dev/null`,
  ];
}
