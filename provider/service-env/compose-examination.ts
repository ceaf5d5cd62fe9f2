import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { stringify } from "yaml";
import { explainDocker } from "../docker/client.ts";
import type { ServiceConfig } from "./compose-cli.ts";
import { readComposeFiles } from "./compose-files.ts";
import { type ComposeService, type Container, label, nameOf, variable } from "./compose-service.ts";
import { readValue, withValue } from "./env-file.ts";
import type { Examination, Watched } from "./target.ts";

/** What a redeploy with another value in the env file would do beside that, or instead of it. */
export async function examineCompose(it: ComposeService, call: Watched): Promise<Examination> {
  const { own, all } = await it.configs(call);
  const [container, ...others] = await it.containers(call);
  return {
    refusals: [
      ...(await reachProblems(it, all, call)),
      ...(container ? await imageProblems(it, own, [container, ...others]) : []),
    ],
    warnings: container
      ? await otherDifferences(it, own, container, call)
      : [`compose has no container of ${it.options.composeService}; a redeploy starts one`],
  };
}

/** Why what stands in the env file would not be what the service is given, or would be given to others too. */
async function reachProblems(it: ComposeService, all: Record<string, ServiceConfig>, call: Watched): Promise<string[]> {
  const { urlKey, composeService, envFile } = it.options;
  const { envFiles, version } = await readComposeFiles(it.project.files);
  const listing = new Set<string>();
  for (const [name, paths] of Object.entries(envFiles)) if (await isOurs(it, paths)) listing.add(name);
  if (!listing.has(composeService)) {
    if (await isOurs(it, [join(it.project.folder, ".env")])) return interpolationProblems(it, call);
    const own = envFiles[composeService]?.join(", ") || "none";
    return [
      `${envFile} is no env_file of ${composeService} (it has: ${own}) and not the project's .env; name the one that holds ${urlKey}`,
    ];
  }
  if (await isShadowed(it, version, call)) {
    return [
      `${urlKey} stands under environment: of ${composeService} in the compose file, which wins over ${envFile}; take it out there`,
    ];
  }
  const text = await it.readEnvFile();
  const stored = it.inEnvFile(() => readValue(text, urlKey));
  if (stored !== undefined && all[composeService]?.environment?.[urlKey] !== stored) {
    return [
      `compose gives ${composeService} another ${urlKey} than ${envFile} has: an env file behind it sets it too, or a $ in it is expanded`,
    ];
  }
  return [...listing]
    .filter((name) => name !== composeService && all[name]?.environment?.[urlKey] === stored)
    .map(
      (name) =>
        `${envFile} is the env file of ${name} too, whose ${urlKey} would change with it; give ${composeService} one of its own`,
    );
}

/** Whether another value in the service's last env file would not reach it. */
function isShadowed(it: ComposeService, version: string | undefined, call: Watched): Promise<boolean> {
  const { urlKey, composeService } = it.options;
  return probe(async (folder, canary) => {
    const file = join(folder, "compose.yml");
    const envPath = join(folder, "canary.env");
    await writeFile(envPath, `${urlKey}=${canary}\n`, { mode: 0o600 });
    const services = { [composeService]: { env_file: [envPath] } };
    await writeFile(file, stringify({ ...(version !== undefined && { version }), services }));
    const all = await (await it.cli(call)).config(call, { file });
    return all[composeService]?.environment?.[urlKey] !== canary;
  });
}

/** With the project's .env, whose values reach services as `${KEY}` in the compose file. */
function interpolationProblems(it: ComposeService, call: Watched): Promise<string[]> {
  const { urlKey, composeService, envFile } = it.options;
  return probe(async (folder, canary) => {
    const copy = join(folder, ".env");
    const text = await it.readEnvFile();
    const other = it.inEnvFile(() => withValue(text, urlKey, canary));
    await writeFile(copy, other, { encoding: "latin1", mode: 0o600 });
    const all = await (await it.cli(call)).config(call, { envFile: copy });
    if (all[composeService]?.environment?.[urlKey] !== canary) {
      return [
        `${envFile} does not reach ${composeService}: with the project's .env its environment: must say ${urlKey}: \${${urlKey}} and nothing more`,
      ];
    }
    return Object.keys(all)
      .filter((name) => name !== composeService && JSON.stringify(all[name]).includes(canary))
      .map(
        (name) =>
          `${envFile} gives \${${urlKey}} to ${name} too, which would change with it; use another variable for one of them`,
      );
  });
}

async function imageProblems(it: ComposeService, own: ServiceConfig, containers: Container[]): Promise<string[]> {
  const { composeService } = it.options;
  const name = own.image ?? (containers[0] as Container).Config.Image; // one that compose built has no name of its own
  const next = await it.docker.inspectImage(name).catch((error: { statusCode?: number }) => {
    if (error.statusCode === 404) return undefined;
    throw explainDocker(`looking at the image ${name}`, error);
  });
  if (!next) {
    return [
      `a redeploy of ${composeService} needs the image ${name}, which is not on this Docker host, and nothing is pulled here; pull it and deploy it first`,
    ];
  }
  return containers
    .filter(({ Image }) => Image !== next.Id)
    .map(
      (each) =>
        `a redeploy of ${composeService} would start another image: ${name} is ${short(next.Id)} by now, and ${nameOf(each)} runs ${short(each.Image)}; deploy that first, or tag the one that runs`,
    );
}

async function otherDifferences(
  it: ComposeService,
  own: ServiceConfig,
  container: Container,
  call: Watched,
): Promise<string[]> {
  const { urlKey, composeService } = it.options;
  const differ = Object.entries(own.environment ?? {})
    .filter(([key, value]) => key !== urlKey && value !== null && variable(container, key) !== String(value))
    .map(([key]) => key);
  const cli = await it.cli(call);
  // Only version 1 gives the digest that it labels containers with, and the variable of ours is in it.
  const isComparable =
    cli.major === 1 && differ.length === 0 && variable(container, urlKey) === own.environment?.[urlKey];
  if (isComparable && (await cli.hash(composeService, call)) !== container.Config.Labels[label.hash])
    differ.push("something in the compose files");
  if (differ.length === 0) return [];
  return [`a redeploy brings what was changed since ${nameOf(container)} was started, too: ${differ.join(", ")}`];
}

async function isOurs(it: ComposeService, paths: string[]): Promise<boolean> {
  const ours = await realpath(it.options.envFile);
  const real = await Promise.all(paths.map((path) => realpath(path).catch(() => resolve(path))));
  return real.includes(ours);
}

async function probe<T>(work: (folder: string, canary: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "app-roles-compose-"));
  try {
    return await work(folder, `canary-${folder.slice(-6)}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function short(id: string): string {
  return id.replace(/^sha256:/, "").slice(0, 12);
}
