import { rollbackLabel, serviceLabel, stackLabel } from "../../model/container-labels.ts";
import { dockerClient, explainDocker } from "../docker/client.ts";
import type { Container, Docker } from "../docker/engine.ts";
import type { ContainerInspection } from "../docker/engine-types.ts";
import { asideNames } from "../docker/lookups.ts";

/** The creator of the container with the name. */
export type Holder = "none" | "this stack" | "rollback script" | "other";

/** The containers with the name, or set aside for it, on the Docker host. */
export interface PlaceState {
  holder: Holder;
  /** Its creator in words, `compose project shop`; empty unless the holder is `other`. */
  createdBy: string;
  /** The container that was set aside, if any. */
  aside: { name: string; isRunning: boolean } | undefined;
}

/**
 * The name of a service's container. A container that the stack did not create is set aside: renamed and stopped, and later
 * restored with its name. Each step can be run again after a crash.
 */
export class ContainerPlace {
  /** Name of a container that is set aside. */
  readonly asideName: string;
  readonly #alwaysName: string;
  readonly #docker: Docker;
  readonly #name: string;
  readonly #service: string;
  readonly #stack: string;

  constructor(host: string | undefined, { name, service, stack }: { name: string; service: string; stack: string }) {
    this.#docker = dockerClient(host);
    this.#name = name;
    this.#service = service;
    this.#stack = stack;
    const { plain, always } = asideNames(name);
    this.asideName = plain;
    this.#alwaysName = always;
  }

  async look(): Promise<PlaceState> {
    const current = await this.#inspect(this.#name);
    const aside = (await this.#inspect(this.asideName)) ?? (await this.#inspect(this.#alwaysName));
    const holder = current ? this.#holderOf(current) : "none";
    const createdBy = current && holder === "other" ? creatorOf(current) : "";
    return { holder, createdBy, aside: aside && { name: aside.Name.slice(1), isRunning: aside.State.Running } };
  }

  /** Renames and stops a container that the stack did not create. If that fails, it is restored. */
  async setAside(): Promise<void> {
    const { holder, aside } = await this.look();
    if (holder !== "other") {
      if (aside) await this.#stop(aside.name);
      return;
    }
    if (aside) throw new Error(`the container ${aside.name} exists already`);
    const isAlways = (await this.#inspect(this.#name))?.HostConfig.RestartPolicy?.Name === "always";
    const to = isAlways ? this.#alwaysName : this.asideName;
    // Rename first: after a crash the next up recognizes the container by its name and stops it.
    await this.#rename(to);
    try {
      await this.#stop(to);
    } catch (error) {
      await this.#restore(to);
      throw error;
    }
  }

  /** Docker cannot rename a container that waits for a restart, as it has no network: stop it first. */
  async #rename(to: string): Promise<void> {
    await this.#do(this.#name, async (container) => {
      try {
        await container.rename({ name: to });
      } catch (error) {
        if (!isWithoutSandbox(error)) throw error;
        await container.stop().catch(unlessStopped);
        await container.rename({ name: to });
      }
    });
  }

  async #stop(name: string): Promise<void> {
    // When Docker starts, it also starts stopped containers with the restart policy `always`.
    if (name === this.#alwaysName) await this.#setRestartPolicy(name, "unless-stopped");
    await this.#do(name, (container) => container.stop());
  }

  /** Restores its name and its restart policy, and starts it. */
  async #restore(name: string): Promise<void> {
    if (name === this.#alwaysName) await this.#setRestartPolicy(name, "always");
    await this.#do(name, (container) => container.rename({ name: this.#name }));
    await this.#do(this.#name, (container) => container.start());
  }

  async #setRestartPolicy(name: string, policy: "always" | "unless-stopped"): Promise<void> {
    await this.#do(name, (container) => container.update({ RestartPolicy: { Name: policy } }));
  }

  /** Removes the container that the rollback script created. */
  async removeRolledBack(): Promise<void> {
    if ((await this.look()).holder === "rollback script") await this.#remove();
  }

  /** Restores and starts the container that was set aside; false when there is none. Throws when the name is taken. */
  async bringBack(): Promise<boolean> {
    const { holder, aside } = await this.look();
    if (!aside) return false;
    if (holder !== "none") {
      throw new Error(`the container ${aside.name} cannot get its name ${this.#name} back: another container has it`);
    }
    await this.#restore(aside.name);
    return true;
  }

  /** As `bringBack`, after removing a container of the stack that could not be created or started. */
  async bringBackInsteadOfOurs(): Promise<boolean> {
    const { holder, aside } = await this.look();
    if (aside && holder === "this stack") await this.#remove();
    return this.bringBack();
  }

  #holderOf({ Config }: ContainerInspection): Holder {
    const labels: Record<string, string> = Config.Labels ?? {};
    const isOurs = labels[serviceLabel] === this.#service && (labels[stackLabel] ?? this.#stack) === this.#stack;
    if (!isOurs) return "other";
    return labels[rollbackLabel] === undefined ? "this stack" : "rollback script";
  }

  async #remove(): Promise<void> {
    await this.#do(this.#name, (container) => container.remove({ force: true }));
  }

  async #inspect(name: string): Promise<ContainerInspection | undefined> {
    try {
      return await this.#docker.getContainer(name).inspect();
    } catch (error) {
      if ((error as { statusCode?: number }).statusCode === 404) return undefined;
      throw explainDocker(`inspecting the container ${name}`, error);
    }
  }

  async #do(name: string, what: (container: Container) => Promise<unknown>): Promise<void> {
    try {
      await what(this.#docker.getContainer(name));
    } catch (error) {
      // It is started or stopped already.
      if ((error as { statusCode?: number }).statusCode === 304) return;
      throw explainDocker(`changing the container ${name}`, error);
    }
  }
}

/** The 404 is about the network sandbox of a running container, not about the container. */
function isWithoutSandbox(error: unknown): boolean {
  const { statusCode, message } = error as { statusCode?: number; message?: string };
  return statusCode === 404 && message?.startsWith("sandbox ") === true;
}

function unlessStopped(error: unknown): void {
  if ((error as { statusCode?: number }).statusCode !== 304) throw error;
}

function creatorOf({ Config, Created }: ContainerInspection): string {
  const labels: Record<string, string> = Config.Labels ?? {};
  const project = labels["com.docker.compose.project"];
  if (project !== undefined)
    return `compose project ${project}, service ${labels["com.docker.compose.service"] ?? "?"}`;
  const stack = labels[stackLabel];
  return stack === undefined
    ? `created ${Created} from ${Config.Image}`
    : `service ${labels[serviceLabel]} of the stack ${stack}`;
}
