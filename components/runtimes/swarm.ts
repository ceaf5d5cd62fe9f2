import { createHash } from "node:crypto";
import { getNetworkOutput } from "@pulumi/docker/getNetwork.js";
import { Secret } from "@pulumi/docker/secret.js";
import { Service } from "@pulumi/docker/service.js";
import * as pulumi from "@pulumi/pulumi";
import type { Pool } from "../../model/pool.ts";
import type { ContainerSpec } from "../../model/runtime.ts";
import { gateLabels, hostOf, mountOf, portOf, serviceLabels } from "./container.ts";
import { type Deploy, type Deployment, rollbackScripts } from "./deployment.ts";
import { shortGoDuration } from "./go-duration.ts";

/** Docker's default, in milliseconds; the plugin's is 0, which kills the containers immediately. */
const defaultGrace = 10_000;
/** Docker's default: time before an exited container is restarted, in milliseconds. */
const restartDelay = 5000;

export interface SwarmArgs {
  container: ContainerSpec;
  pool: Pool;
  /** The URL as an environment variable, or in a Docker secret's file. */
  urlFrom: "env" | "file";
}

/**
 * Runs a service in an existing swarm; the Docker host of the `docker:` provider configuration must be one of its managers. A
 * change is a rolling update: `surge` containers start before as many previous ones stop. If they do not run, the swarm rolls back
 * and the up fails.
 */
export function deployToSwarm(service: Deploy, args: SwarmArgs): Deployment {
  const { container: spec, pool } = args;
  warnOfTag(service, spec);
  const { parent } = service;
  const name = spec.name ?? service.service;
  const secret = args.urlFrom === "file" ? createSecret(service) : undefined;
  const { command, entrypoint, workingDir, user, stopSignal, stopGracePeriod, healthcheck, logging } = spec;
  const labels = listed({ ...spec.labels, ...serviceLabels(service) });
  const hosts = spec.extraHosts.map(hostOf);
  const mounts = [...spec.volumes.map(volumeOf), ...spec.mounts.map(mountOf)];
  const rollout = { parallelism: pool.surge, order: "start-first" };
  const taskSpec = {
    containerSpec: {
      image: spec.image,
      env: environment(service, spec, args.urlFrom),
      // Only labels that never change: another label of a container would recreate the service, with an interruption.
      labels: listed({ ...spec.labels, ...gateLabels(service) }),
      ...(entrypoint && { commands: entrypoint }),
      ...(command && { args: command }),
      ...(workingDir && { dir: workingDir }),
      ...(user && { user }),
      ...(mounts.length > 0 && { mounts }),
      ...(hosts.length > 0 && { hosts }),
      ...(spec.capAdd.length > 0 && { capAdds: spec.capAdd }),
      ...(spec.capDrop.length > 0 && { capDrops: spec.capDrop }),
      ...(healthcheck && { healthcheck: healthcheckOf(healthcheck) }),
      ...(stopSignal && { stopSignal }),
      stopGracePeriod: shortGoDuration(stopGracePeriod ?? defaultGrace),
      ...(secret && { secrets: [{ secretId: secret.id, secretName: secret.name, fileName: service.urlKey }] }),
    },
    ...networksOf(spec, parent),
    ...(logging && { logDriver: { name: logging.driver, options: logging.options } }),
    restartPolicy: restartPolicyOf(spec),
    ...limitsOf(spec),
  };
  const created = new Service(
    service.service,
    {
      name,
      labels,
      taskSpec,
      mode: { replicated: { replicas: pool.replicas } },
      updateConfig: { ...rollout, failureAction: "rollback" },
      rollbackConfig: rollout,
      ...(spec.ports.length > 0 && { endpointSpec: { ports: spec.ports.map(publishedPort) } }),
      convergeConfig: {},
    },
    // The previous service holds the name; only other networks, extra hosts or its own labels need another service.
    {
      parent,
      deleteBeforeReplace: true,
      dependsOn: rollbackScripts(service, { swarm: { name, urlFrom: args.urlFrom } }),
    },
  );
  return { id: rolloutOf(created, taskSpec), labels: gateLabels(service), resources: [created] };
}

/** The service's own id survives an update. Secret, because guesses at the URL could be tested against it. */
function rolloutOf({ id }: Service, taskSpec: object): pulumi.Output<string> {
  const written = pulumi.jsonStringify([id, taskSpec]);
  return pulumi.secret(written).apply((text) => createHash("sha256").update(text).digest("hex"));
}

/** With a tag, each node may pull another image, and the plugin reports the digest as a change. */
function warnOfTag({ service, parent }: Deploy, { image }: ContainerSpec): void {
  if (/(^|@)sha256:[0-9a-f]{64}$/.test(image)) return;
  void pulumi.log.warn(
    `Service ${service}: image: ${image} has no digest. If a registry knows the tag, the swarm pins the digest when it creates the ` +
      "service, and the next up updates the service once more; specify the image as name:tag@sha256:...",
    parent,
  );
}

/** Its name ends in random digits: a secret cannot be changed, and the new one must exist before the previous one is removed. */
function createSecret(service: Deploy): Secret {
  const data = pulumi.secret(service.url).apply((url) => Buffer.from(url).toString("base64"));
  return new Secret(
    service.service,
    { data, labels: listed(serviceLabels(service)) },
    { parent: service.parent, additionalSecretOutputs: ["data"] },
  );
}

function environment(
  { urlKey, url, env }: Deploy,
  spec: ContainerSpec,
  urlFrom: SwarmArgs["urlFrom"],
): Record<string, pulumi.Input<string>> {
  const given = { ...spec.env, ...env };
  return urlFrom === "file" ? { ...given, [`${urlKey}_FILE`]: `/run/secrets/${urlKey}` } : { ...given, [urlKey]: url };
}

function listed(labels: Record<string, string>): { label: string; value: string }[] {
  return Object.entries(labels).map(([label, value]) => ({ label, value }));
}

/** By id: the plugin reads a name back as an id, and would recreate the service at every up. */
function networksOf({ networks }: ContainerSpec, parent: pulumi.Resource) {
  const attached = Object.entries(networks).map(([name, { aliases }]) => ({
    id: getNetworkOutput({ name }, { parent }).id,
    ...(aliases.length > 0 && { aliases }),
  }));
  return attached.length > 0 ? { networksAdvanceds: attached } : {};
}

/** `source:/target[:ro]`; a source with a slash is a path on every node. */
function volumeOf(written: string) {
  const [source = "", target = "", mode] = written.split(":");
  return mountOf({ type: source.includes("/") ? "bind" : "volume", source, target, readOnly: mode === "ro" });
}

/** Published on every node of the swarm. */
function publishedPort(written: string) {
  const { internal, external, protocol } = portOf(written);
  return {
    targetPort: internal,
    ...(external !== undefined && { publishedPort: external }),
    ...(protocol !== undefined && { protocol }),
  };
}

function restartPolicyOf({ restart }: ContainerSpec) {
  const [policy = "", most] = restart.split(":");
  const condition = policy === "no" ? "none" : policy === "on-failure" ? "on-failure" : "any";
  return {
    condition,
    delay: shortGoDuration(restartDelay),
    // Docker's default: the plugin reads it back, and would otherwise report a change, and update, at every up.
    window: shortGoDuration(0),
    ...(most !== undefined && { maxAttempts: Number(most) }),
  };
}

function limitsOf({ memory, cpus }: ContainerSpec) {
  if (memory === undefined && cpus === undefined) return {};
  const limits = {
    ...(memory !== undefined && { memoryBytes: memory }),
    ...(cpus !== undefined && { nanoCpus: Math.round(cpus * 1e9) }),
  };
  return { resources: { limits } };
}

function healthcheckOf({ test, interval, timeout, startPeriod, retries }: NonNullable<ContainerSpec["healthcheck"]>) {
  return {
    tests: test,
    ...(interval !== undefined && { interval: shortGoDuration(interval) }),
    ...(timeout !== undefined && { timeout: shortGoDuration(timeout) }),
    ...(startPeriod !== undefined && { startPeriod: shortGoDuration(startPeriod) }),
    ...(retries !== undefined && { retries }),
  };
}
