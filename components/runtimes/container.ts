import { Container } from "@pulumi/docker/container.js";
import * as pulumi from "@pulumi/pulumi";
import { dockerHost } from "../../config/read-program-stack.ts";
import { connectAsLabel, serviceLabel, stackLabel } from "../../model/container-labels.ts";
import type { ContainerSpec } from "../../model/runtime.ts";
import { bringContainerBackContract } from "../../provider/functions/contracts.ts";
import * as pgaccess from "../pgaccess.ts";
import { type Deploy, type Deployment, rollbackScripts } from "./deployment.ts";
import { dockerCreate } from "./docker-create.ts";
import { goDuration } from "./go-duration.ts";

/** The container's name and Docker host. */
interface Place {
  service: string;
  name: string;
  stack: string;
  dockerHost: string | undefined;
}

/** Docker's default: seconds between the stop signal and the kill. */
const defaultGraceSeconds = 10;

/** Labels by which the gate finds the containers of a service; another stack may have a service of the same name. */
export function gateLabels({ service }: Pick<Deploy, "service">): Record<string, string> {
  return { [stackLabel]: thisStack(), [serviceLabel]: service };
}

/** The value of `stackLabel`. */
function thisStack(): string {
  return `${pulumi.getProject()}/${pulumi.getStack()}`;
}

/** Labels with the service of a container and what it logs in as, which a preview shows, unlike the URL. */
export function serviceLabels({ service, role, connectAs }: Deploy): Record<string, string> {
  return {
    ...gateLabels({ service }),
    "app-roles.role": role,
    [connectAsLabel]: connectAs,
  };
}

/**
 * Runs a service as a container of the stack, on the Docker host of the `docker:` provider configuration. Any change replaces it,
 * after a login with its URL succeeded.
 */
export function deployAsContainer(service: Deploy, spec: ContainerSpec): Deployment {
  const name = spec.name ?? service.service;
  const { image, command, entrypoint, workingDir, user, stopSignal, healthcheck, logging, memory, cpus } = spec;
  const [restart, retries] = spec.restart.split(":");
  const graceSeconds = spec.stopGracePeriod === undefined ? undefined : Math.ceil(spec.stopGracePeriod / 1000);
  const place = { service: service.service, name, stack: thisStack(), dockerHost: dockerHost() };
  const { parent, provider } = service;
  const free = new pgaccess.ContainerName(
    service.service,
    { ...place, existing: spec.existing ?? "refuse", migrationComplete: service.legacyUrl === undefined || undefined },
    { parent, provider },
  );
  const container = new Container(
    service.service,
    {
      name,
      image,
      envs: environment(service, spec),
      labels: Object.entries({ ...spec.labels, ...serviceLabels(service) }).map(([label, value]) => ({ label, value })),
      ...(command && { command }),
      ...(entrypoint && { entrypoints: entrypoint }),
      ...(workingDir && { workingDir }),
      ...(user && { user }),
      ...(spec.ports.length > 0 && { ports: spec.ports.map(portOf) }),
      ...networksOf(spec),
      ...(spec.volumes.length > 0 && { volumes: spec.volumes.map(volumeOf) }),
      ...(spec.mounts.length > 0 && { mounts: spec.mounts.map(mountOf) }),
      ...(spec.extraHosts.length > 0 && { hosts: spec.extraHosts.map(hostOf) }),
      ...capabilitiesOf(spec),
      ...(healthcheck && { healthcheck: healthcheckOf(healthcheck) }),
      ...(logging && { logDriver: logging.driver, logOpts: logging.options }),
      ...(stopSignal && { stopSignal }),
      ...(graceSeconds !== undefined && { stopTimeout: graceSeconds }),
      ...(memory !== undefined && memoryOf(memory)),
      ...(cpus !== undefined && { cpus: String(cpus) }),
      ...(restart && { restart }),
      ...(retries !== undefined && { maxRetryCount: Number(retries) }),
      mustRun: true,
      // Without it the official plugin kills the container immediately.
      destroyGraceSeconds: graceSeconds ?? defaultGraceSeconds,
    },
    {
      parent,
      dependsOn: [
        free,
        ...rollbackScripts(service, {
          container: rollbackContainer(service, spec, name),
          env: plainEnv(service, spec),
        }),
      ],
      ...(spec.existing === "replace" && { hooks: { onError: [restoreExisting(place, provider)] } }),
      // The previous container holds the name and the ports.
      deleteBeforeReplace: true,
      // The official plugin reports an update of the healthcheck without updating the container.
      replaceOnChanges: ["healthcheck"],
    },
  );
  return { id: container.id, labels: gateLabels(service), resources: [container] };
}

/** If the container cannot be created or started, restores the existing container that it replaced. */
function restoreExisting(place: Place, provider: pulumi.ProviderResource): pulumi.ErrorHook {
  return new pulumi.ErrorHook(`bring-container-back-${place.service}`, async () => {
    const { broughtBack } = await pulumi.runtime.invoke(bringContainerBackContract.token, place, { provider });
    if (broughtBack) await pulumi.log.warn(`${place.service}: the previous container was restored and started`);
    return false;
  });
}

/** How the command line recreates the container with its legacy URL. */
function rollbackContainer(service: Deploy, spec: ContainerSpec, name: string) {
  const aliases = Object.entries(spec.networks).map(([network, { aliases: names }]) => [network, names]);
  const create = dockerCreate(spec, serviceLabels({ ...service, connectAs: "legacy" }));
  return { name, create, networks: Object.fromEntries(aliases) as Record<string, string[]> };
}

/** The environment without the URL. */
function plainEnv({ env }: Deploy, spec: ContainerSpec): pulumi.Output<Record<string, string>> {
  return pulumi.secret({ ...spec.env, ...env });
}

/** Sorted, because the official plugin compares them as a set and prints them as a list. */
function environment({ urlKey, url, env }: Deploy, spec: ContainerSpec): pulumi.Output<string[]> {
  return pulumi.all([url, env]).apply(([value, secrets]) =>
    Object.entries({ ...spec.env, ...secrets, [urlKey]: value })
      .map(([key, one]) => `${key}=${one}`)
      .toSorted(),
  );
}

/** `[[address:]host:]container[/protocol]` */
export function portOf(written: string): { internal: number; external?: number; ip?: string; protocol?: string } {
  const [, ip, external, internal, protocol] = /^(?:(?:(.+):)?(\d+):)?(\d+)(?:\/(\w+))?$/.exec(written) ?? [];
  return {
    internal: Number(internal),
    ...(external !== undefined && { external: Number(external) }),
    ...(ip !== undefined && { ip: ip.replace(/^\[|\]$/g, "") }),
    ...(protocol !== undefined && { protocol: protocol.toLowerCase() }),
  };
}

function networksOf({ networks }: ContainerSpec) {
  const named = Object.entries(networks).map(([name, { aliases }]) => ({
    name,
    ...(aliases.length > 0 && { aliases }),
  }));
  return named.length > 0 ? { networksAdvanced: named } : {};
}

/** `source:/target[:ro]`; a source with a slash is a path on the Docker host. */
function volumeOf(written: string) {
  const [source = "", containerPath = "", mode] = written.split(":");
  return {
    containerPath,
    ...(source.includes("/") ? { hostPath: source } : { volumeName: source }),
    ...(mode === "ro" && { readOnly: true }),
  };
}

export function mountOf({ type, source, target, readOnly }: ContainerSpec["mounts"][number]) {
  return { type, target, ...(source !== undefined && { source }), ...(readOnly && { readOnly }) };
}

export function hostOf(written: string): { host: string; ip: string } {
  const end = written.indexOf(":");
  return { host: written.slice(0, end), ip: written.slice(end + 1) };
}

function capabilitiesOf({ capAdd, capDrop }: ContainerSpec) {
  if (capAdd.length + capDrop.length === 0) return {};
  return {
    capabilities: { ...(capAdd.length > 0 && { adds: capAdd }), ...(capDrop.length > 0 && { drops: capDrop }) },
  };
}

function healthcheckOf({ test, interval, timeout, startPeriod, retries }: NonNullable<ContainerSpec["healthcheck"]>) {
  return {
    tests: test,
    ...(interval !== undefined && { interval: goDuration(interval) }),
    ...(timeout !== undefined && { timeout: goDuration(timeout) }),
    ...(startPeriod !== undefined && { startPeriod: goDuration(startPeriod) }),
    ...(retries !== undefined && { retries }),
  };
}

/** With as much swap, as Docker does by default: the plugin reads it back, and would otherwise report a change at every up. */
function memoryOf(bytes: number) {
  const memory = Math.ceil(bytes / 1024 ** 2);
  return { memory, memorySwap: 2 * memory };
}
