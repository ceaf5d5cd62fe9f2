import { configPath } from "../../model/config-path.ts";
import { isDeployed, type Runtime } from "../../model/runtime.ts";
import type { At } from "../config-error.ts";
import type { Entry, Sections } from "../sections.ts";

type Here = (...path: PropertyKey[]) => ReturnType<At>;

/** The key that configures a runtime. */
const blocks = { container: "container", swarm: "container", compose: "compose", command: "command" } as const;

/** Problems between a service's runtime and its other keys. */
export function checkRuntimes({ services, serviceSecrets }: Sections, at: At): void {
  for (const [name, service] of services.valid) {
    const here = (...path: PropertyKey[]) => at("services", name, ...path);
    const { runtime, container, urlKey } = service;
    const block = runtime === "external" ? undefined : blocks[runtime];
    if (block && service[block] === undefined) here(block).refuse(`is required with runtime: ${runtime}`);
    for (const other of ["container", "compose", "command"] as const) {
      if (service[other] === undefined || other === block) continue;
      const wanted = runtimesWith(other).join(" or ");
      here(other).refuse(`has no effect with runtime: ${runtime}; remove it, or set the runtime to ${wanted}`);
    }
    if (runtime === "swarm") checkSwarm(service, here);
    if (service.urlFrom && runtime !== "swarm")
      here("urlFrom").refuse("has no effect without runtime: swarm; remove it");
    if (service.gate && !isDeployed(runtime)) {
      here("gate").refuse("has no effect with runtime: external, which you restart yourself; remove it");
    }
    if (container && Object.hasOwn(container.env, urlKey)) {
      here("container", "env", urlKey).refuse("is written by this stack (urlKey); remove it");
    }
    if (container?.healthcheck && !["CMD", "CMD-SHELL", "NONE"].includes(container.healthcheck.test[0] ?? "")) {
      here("container", "healthcheck", "test").refuse("expected CMD, CMD-SHELL or NONE as its first word");
    }
    for (const [i, { type, source }] of (container?.mounts ?? []).entries()) {
      if ((source === undefined) !== (type === "tmpfs")) {
        here("container", "mounts", i, "source").refuse(
          type === "tmpfs" ? "has no effect with type: tmpfs; remove it" : "is required",
        );
      }
    }
  }
  for (const [name, { env }] of serviceSecrets.valid) {
    const service = services.valid.get(name);
    if (!service) continue;
    const keys = Object.keys(env);
    if (keys.length > 0 && !service.container) {
      at("serviceSecrets", name, "env").refuse(
        `has no effect without runtime: container or swarm; ${configPath(["services", name, "runtime"])} is ${service.runtime}`,
      );
    }
    for (const key of keys) {
      const here = at("serviceSecrets", name, "env", key);
      if (key === service.urlKey) here.refuse("is written by this stack (urlKey); remove it");
      if (Object.hasOwn(service.container?.env ?? {}, key)) {
        here.refuse(`is also in ${configPath(["services", name, "container", "env"])}; keep it in one of the two`);
      }
    }
  }
}

/** A swarm publishes ports on all of its nodes, and starts new replicas before it stops previous ones. */
function checkSwarm({ container, pool, urlFrom, urlKey }: Entry<"services">, here: Here): void {
  if (pool.surge === 0) {
    here("pool", "surge").refuse(
      "must be at least 1 with runtime: swarm, which starts new replicas before previous ones stop",
    );
  }
  for (const [i, port] of (container?.ports ?? []).entries()) {
    if (/^(\[.*\]|[\d.]+):\d+:/.test(port)) {
      here("container", "ports", i).refuse(
        "has an address, but a swarm publishes a port on all of its nodes; remove it",
      );
    }
  }
  if (container?.existing !== undefined) {
    here("container", "existing").refuse("has no effect without runtime: container; remove it");
  }
  const file = `${urlKey}_FILE`;
  if (urlFrom === "file" && container && Object.hasOwn(container.env, file)) {
    here("container", "env", file).refuse("is written by this stack (urlFrom: file); remove it");
  }
}

function runtimesWith(block: string): Runtime[] {
  return (Object.keys(blocks) as (keyof typeof blocks)[]).filter((runtime) => blocks[runtime] === block);
}

/** After the migration no key may have a legacy URL. */
export function checkMigrationComplete(
  { migrationComplete, rollbackKit, services, serviceSecrets }: Sections,
  at: At,
): void {
  if (!migrationComplete) return;
  if (rollbackKit !== undefined) at("rollbackKit").refuse("has no effect with migrationComplete: true; remove it");
  for (const [name, { connectAs }] of services.valid) {
    if (connectAs === "legacy") {
      at("services", name, "connectAs").refuse("is legacy, but migrationComplete is true; cut the service over first");
    }
  }
  for (const [name, { legacyUrl }] of serviceSecrets.valid) {
    if (legacyUrl !== undefined) {
      at("serviceSecrets", name, "legacyUrl").refuse("has no effect with migrationComplete: true; remove it");
    }
  }
}
