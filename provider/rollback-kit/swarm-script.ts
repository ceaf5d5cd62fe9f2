import { connectAsLabel } from "../../model/container-labels.ts";
import { shellWord } from "../../model/shell-word.ts";
import { dockerHostLine } from "./container-script.ts";
import { latin1, shellSecret } from "./script.ts";

/** A swarm's service of the stack's own. */
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

/** A rolling update to the legacy URL, which the swarm takes back when it does not run. */
export function swarmSteps({ name, urlKey, urlFrom, legacyUrl, dockerHost }: SwarmSteps): string[] {
  // No label of its containers: the next up would take that for a change which needs another service.
  const update = `docker service update --quiet --detach=false --label-add=${label}`;
  return [
    ...dockerHostLine(dockerHost),
    `name=${shellWord(latin1(name))}`,
    shellSecret("url", latin1(legacyUrl)),
    ...(urlFrom === "file" ? secretLines(urlKey, update) : environmentLines(urlKey, update)),
    `state=$(docker service inspect --format '{{with .UpdateStatus}}{{.State}}{{end}}' "$name")`,
    'case "$state" in',
    '  rollback*|paused) say "the swarm has taken the update back: $state" >&2; exit 1 ;;',
    "esac",
  ];
}

/** Without a value Docker takes the variable from its environment. */
function environmentLines(urlKey: string, update: string): string[] {
  return [`${urlKey}=$url; export ${urlKey}`, `${update} --env-add=${urlKey} "$name" >/dev/null`, `unset ${urlKey}`];
}

function secretLines(urlKey: string, update: string): string[] {
  const format = `{{range .Spec.TaskTemplate.ContainerSpec.Secrets}}{{if eq .File.Name "${urlKey}"}}{{.SecretName}}{{end}}{{end}}`;
  return [
    `former=$(docker service inspect --format '${format}' "$name")`,
    'secret="app-roles-rollback-$(date +%s)-$$"',
    `printf %s "$url" | docker secret create --label=${label} "$secret" - >/dev/null`,
    `${update} \${former:+--secret-rm="$former"} --secret-add="source=$secret,target=${urlKey}" "$name" >/dev/null`,
  ];
}
