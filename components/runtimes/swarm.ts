import { createHash } from "node:crypto";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { Pool } from "../../model/pool.ts";
import type { ContainerSpec } from "../../model/runtime.ts";
import { gateLabels, hostOf, mountOf, portOf, serviceLabels } from "./container.ts";
import type { Deploy, Deployment } from "./deployment.ts";
import { shortGoDuration } from "./go-duration.ts";
import { rollbackScripts } from "./rollback-scripts.ts";

/** Docker's own, in milliseconds; the plugin takes 0 for what is not given, and the containers would be killed at once. */
const defaultGrace = 10_000;
/** Docker's own too: time before a container that ended is started again, in milliseconds. */
const restartDelay = 5000;

export interface SwarmArgs {
  container: ContainerSpec;
  pool: Pool;
  /** The URL as an environment variable, or as a Docker secret's file. */
  urlFrom: "env" | "file";
}

/**
 * Runs a service as a service of an existing swarm, on the Docker host of the `docker:` provider configuration, which must be
 * one of its managers. A change is rolled out: `surge` containers start before as many old ones stop, and when they do
 * not run the swarm goes back to what was there and the up fails.
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
      // Of ours only those that stay: another label of a container makes another service, with a pause.
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
  const made = new docker.Service(
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
    // The name is taken until the old one is gone; only other networks, extra hosts or labels of its own need another service.
    {
      parent,
      deleteBeforeReplace: true,
      dependsOn: rollbackScripts(service, { swarm: { name, urlFrom: args.urlFrom } }),
    },
  );
  return { id: rolloutOf(made, taskSpec), labels: gateLabels(service), resources: [made] };
}

/** Its id stays when it is rolled out anew. Secret: a guess at the URL could be tried on it. */
function rolloutOf({ id }: docker.Service, taskSpec: object): pulumi.Output<string> {
  const written = pulumi.jsonStringify([id, taskSpec]);
  return pulumi.secret(written).apply((text) => createHash("sha256").update(text).digest("hex"));
}

/** A swarm that is asked for a tag may take another image at each node, and the plugin takes the digest for a change. */
function warnOfTag({ service, parent }: Deploy, { image }: ContainerSpec): void {
  if (/(^|@)sha256:[0-9a-f]{64}$/.test(image)) return;
  void pulumi.log.warn(
    `Service ${service}: image: ${image} has no digest. Where a registry knows it, the swarm pins the digest when the service is ` +
      "made, and the next up rolls it out once more, by its tag; give the image as name:tag@sha256:...",
    parent,
  );
}

/** Its name ends in random digits: a secret cannot be changed, and the new one must be there before the old one goes. */
function createSecret(service: Deploy): docker.Secret {
  const data = pulumi.secret(service.url).apply((url) => Buffer.from(url).toString("base64"));
  return new docker.Secret(
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

/** By id: a name would be read back as one, and the service be made anew at every up. */
function networksOf({ networks }: ContainerSpec, parent: pulumi.Resource) {
  const attached = Object.entries(networks).map(([name, { aliases }]) => ({
    id: docker.getNetworkOutput({ name }, { parent }).id,
    ...(aliases.length > 0 && { aliases }),
  }));
  return attached.length > 0 ? { networksAdvanceds: attached } : {};
}

/** `source:/target[:ro]`; a source with a slash is a path on every node. */
function volumeOf(written: string) {
  const [source = "", target = "", mode] = written.split(":");
  return mountOf({ type: source.includes("/") ? "bind" : "volume", source, target, readOnly: mode === "ro" });
}

/** On every node of the swarm, whichever runs the service. */
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
    // Docker's own too. It is always read back: left out, it would be a change, and a rollout, at every up.
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
