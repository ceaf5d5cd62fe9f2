import { connectAsLabel, rollbackLabel } from "../../model/container-labels.ts";
import { dockerClient } from "../docker/client.ts";
import { swarmServiceLabel } from "../docker/swarm-service.ts";
import { toTarget } from "../service-env/declared.ts";
import type { WayBack } from "./rollback-source.ts";

/** Whether a service on its role has its legacy URL all the same, as its rollback script leaves it; false where nobody can tell. */
export async function isRolledBack(wayBack: WayBack): Promise<boolean> {
  try {
    return await look(wayBack);
  } catch {
    return false;
  }
}

async function look(wayBack: WayBack): Promise<boolean> {
  const { legacyUrl, container, swarm, dockerHost } = wayBack;
  const target = toTarget(wayBack);
  if (target) {
    const report = { info: () => undefined, warn: () => undefined, progress: () => undefined };
    const { stored } = await target.find({ signal: new AbortController().signal, report });
    return stored !== undefined && stored === legacyUrl;
  }
  if (swarm) return (await swarmServiceLabel(dockerHost, swarm.name, connectAsLabel)) === "legacy";
  if (!container) return false;
  const { Config } = await dockerClient(dockerHost).getContainer(container.name).inspect();
  return Config.Labels?.[rollbackLabel] !== undefined;
}
