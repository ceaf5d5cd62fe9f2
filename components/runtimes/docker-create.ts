import type { ContainerSpec } from "../../model/runtime.ts";
import { shellWord } from "../../model/shell-word.ts";
import type { DockerCreate } from "../../provider/rollback-kit/contract.ts";
import { goDuration } from "./go-duration.ts";

/** The command line that creates the same container as the official provider. */
export function dockerCreate(spec: ContainerSpec, labels: Record<string, string>): DockerCreate {
  const [entrypoint, ...before] = spec.entrypoint ?? [];
  const { workingDir, user, restart, logging, memory, cpus, stopSignal, stopGracePeriod } = spec;
  const options = [
    ...option("entrypoint", entrypoint),
    ...option("workdir", workingDir),
    ...option("user", user),
    ...Object.entries({ ...spec.labels, ...labels }).flatMap(([key, value]) => option("label", `${key}=${value}`)),
    ...spec.ports.flatMap((port) => option("publish", port)),
    ...spec.volumes.flatMap((volume) => option("volume", volume)),
    ...spec.mounts.flatMap((mount) => option("mount", mountText(mount))),
    ...option("restart", restart),
    ...healthOptions(spec),
    ...option("log-driver", logging?.driver),
    ...Object.entries(logging?.options ?? {}).flatMap(([key, value]) => option("log-opt", `${key}=${value}`)),
    ...option("memory", memory),
    ...option("cpus", cpus),
    ...option("stop-signal", stopSignal),
    ...option("stop-timeout", stopGracePeriod === undefined ? undefined : Math.ceil(stopGracePeriod / 1000)),
    ...spec.extraHosts.flatMap((host) => option("add-host", host)),
    ...spec.capAdd.flatMap((capability) => option("cap-add", capability)),
    ...spec.capDrop.flatMap((capability) => option("cap-drop", capability)),
  ];
  return { options, image: spec.image, words: [...before, ...(spec.command ?? [])] };
}

function option(name: string, value: string | number | undefined): string[] {
  return value === undefined ? [] : [`--${name}=${value}`];
}

/** Comma-separated values, as Docker reads them. */
function mountText({ type, source, target, readOnly }: ContainerSpec["mounts"][number]): string {
  const fields = [`type=${type}`, ...(source === undefined ? [] : [`source=${source}`]), `target=${target}`];
  return [...fields, ...(readOnly ? ["readonly"] : [])]
    .map((field) => (/[",\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field))
    .join(",");
}

/** The command line supports only a test for the container's shell. */
function healthOptions({ healthcheck }: ContainerSpec): string[] {
  if (!healthcheck) return [];
  const { test, interval, timeout, startPeriod, retries } = healthcheck;
  const [how, ...words] = test;
  if (how === "NONE") return ["--no-healthcheck"];
  const duration = (name: string, time: number | undefined) =>
    option(name, time === undefined ? undefined : goDuration(time));
  return [
    ...option("health-cmd", how === "CMD-SHELL" ? words.join(" ") : words.map(shellWord).join(" ")),
    ...duration("health-interval", interval),
    ...duration("health-timeout", timeout),
    ...duration("health-start-period", startPeriod),
    ...option("health-retries", retries),
  ];
}
