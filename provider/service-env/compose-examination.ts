import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { explainDocker } from "../docker/client.ts";
import type { ServiceConfig } from "./compose-cli.ts";
import { readComposeFiles } from "./compose-files.ts";
import { type ComposeService, type Container, label, nameOf, variable } from "./compose-service.ts";
import { readValue, withValue } from "./env-file.ts";
import type { Examination, Watched } from "./target.ts";

/** What a redeploy with another value in the env file would also change, or why the value would not reach the service. */
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

/** Why the value in the env file would not reach the service, or would reach other services too. */
async function reachProblems(it: ComposeService, all: Record<string, ServiceConfig>, call: Watched): Promise<string[]> {
  const { urlKey, composeService, envFile } = it.options;
  const { envFiles, version } = await readComposeFiles(it.project.files);
  const listing = new Set<string>();
  for (const [name, paths] of Object.entries(envFiles)) if (await isOurs(it, paths)) listing.add(name);
  if (!listing.has(composeService)) {
    if (await isOurs(it, [join(it.project.folder, ".env")])) return interpolationProblems(it, call);
    const own = envFiles[composeService]?.join(", ") || "none";
    return [
      `${envFile} is neither an env_file of ${composeService} (it has: ${own}) nor the project's .env; set the file that holds ${urlKey}`,
    ];
  }
  if (await isShadowed(it, version, call)) {
    return [
      `${urlKey} is set in environment: of ${composeService} in the compose file, which overrides ${envFile}; remove it there`,
    ];
  }
  const text = await it.readEnvFile();
  const stored = it.inEnvFile(() => readValue(text, urlKey));
  if (stored !== undefined && all[composeService]?.environment?.[urlKey] !== stored) {
    return [
      `compose passes ${composeService} another ${urlKey} than ${envFile} has: a later env file sets it too, or a $ in it is expanded`,
    ];
  }
  return [...listing]
    .filter((name) => name !== composeService && all[name]?.environment?.[urlKey] === stored)
    .map(
      (name) =>
        `${envFile} is also the env file of ${name}, whose ${urlKey} would change too; use a separate env file for ${composeService}`,
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
    const { stringify } = await import("yaml");
    await writeFile(file, stringify({ ...(version !== undefined && { version }), services }));
    const all = await (await it.cli(call)).config(call, { file });
    return all[composeService]?.environment?.[urlKey] !== canary;
  });
}

/** Checks the project's .env, whose values reach services as `${KEY}` in the compose file. */
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
        `${envFile} does not reach ${composeService}: if the URL is in the project's .env, environment: of the service must have exactly ${urlKey}: \${${urlKey}}`,
      ];
    }
    return Object.keys(all)
      .filter((name) => name !== composeService && JSON.stringify(all[name]).includes(canary))
      .map(
        (name) =>
          `${envFile} also passes \${${urlKey}} to ${name}, which would change too; use another variable for one of them`,
      );
  });
}

async function imageProblems(it: ComposeService, own: ServiceConfig, containers: Container[]): Promise<string[]> {
  const { composeService } = it.options;
  const name = own.image ?? (containers[0] as Container).Config.Image; // a service that compose builds has no image name
  const next = await it.docker.inspectImage(name).catch((error: { statusCode?: number }) => {
    if (error.statusCode === 404) return undefined;
    throw explainDocker(`inspecting the image ${name}`, error);
  });
  if (!next) {
    return [
      `a redeploy of ${composeService} needs the image ${name}, which is not on this Docker host; pull it and deploy it first`,
    ];
  }
  return containers
    .filter(({ Image }) => Image !== next.Id)
    .map(
      (each) =>
        `a redeploy of ${composeService} would start another image: ${name} is now ${short(next.Id)}, but ${nameOf(each)} runs ${short(each.Image)}; deploy the new one first, or tag the running one`,
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
  // Only version 1 prints the digest of its container label, and our variable is part of it.
  const isComparable =
    cli.major === 1 && differ.length === 0 && variable(container, urlKey) === own.environment?.[urlKey];
  if (isComparable && (await cli.hash(composeService, call)) !== container.Config.Labels[label.hash])
    differ.push("something in the compose files");
  if (differ.length === 0) return [];
  return [`a redeploy also applies changes since ${nameOf(container)} was started: ${differ.join(", ")}`];
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
