import { rollbackLabel, serviceLabel, stackLabel } from "../../model/container-labels.ts";
import { asideNames } from "../docker/aside.ts";
import { dockerClient, explainDocker } from "../docker/client.ts";
import type { Container, Docker } from "../docker/engine.ts";
import type { ContainerInspection } from "../docker/engine-types.ts";

/** Whose container has the name that a service's is to have. */
export type Holder = "nobody" | "this stack" | "its rollback script" | "somebody else";

/** What is at a service's place on the Docker host now. */
export interface PlaceState {
  holder: Holder;
  /** Who made it, for people: `compose project shop`; only of somebody else's. */
  madeBy: string;
  /** The container of somebody else's that was put aside; undefined: there is none. */
  aside: { name: string; isRunning: boolean } | undefined;
}

/**
 * The name of a service's container. A container of somebody else's that has it is put aside, stopped and under another name,
 * and comes back as it was; each step may be done again after a crash.
 */
export class ContainerPlace {
  /** What a container that is put aside is called. */
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
    const there = await this.#inspect(this.#name);
    const aside = (await this.#inspect(this.asideName)) ?? (await this.#inspect(this.#alwaysName));
    const holder = there ? this.#holderOf(there) : "nobody";
    const madeBy = there && holder === "somebody else" ? makerOf(there) : "";
    return { holder, madeBy, aside: aside && { name: aside.Name.slice(1), isRunning: aside.State.Running } };
  }

  /** Gives somebody else's another name and stops it. When that fails it has its name again and is started. */
  async putAside(): Promise<void> {
    const { holder, aside } = await this.look();
    if (holder !== "somebody else") {
      if (aside) await this.#stop(aside.name);
      return;
    }
    if (aside) throw new Error(`there is a container ${aside.name} already`);
    const isAlways = (await this.#inspect(this.#name))?.HostConfig.RestartPolicy?.Name === "always";
    const to = isAlways ? this.#alwaysName : this.asideName;
    // The name first: a crash behind it leaves a container that the next run knows for one to be stopped.
    await this.#rename(to);
    try {
      await this.#stop(to);
    } catch (error) {
      await this.#restore(to);
      throw error;
    }
  }

  /** Docker cannot rename one that crashed and waits for its next start, whose network is gone: that one is stopped first. */
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
    // Docker starts one with the policy `always` again when it is started itself, though it was stopped by hand.
    if (name === this.#alwaysName) await this.#setRestartPolicy(name, "unless-stopped");
    await this.#do(name, (container) => container.stop());
  }

  /** Its name, its restart policy, and running. */
  async #restore(name: string): Promise<void> {
    if (name === this.#alwaysName) await this.#setRestartPolicy(name, "always");
    await this.#do(name, (container) => container.rename({ name: this.#name }));
    await this.#do(this.#name, (container) => container.start());
  }

  async #setRestartPolicy(name: string, policy: "always" | "unless-stopped"): Promise<void> {
    await this.#do(name, (container) => container.update({ RestartPolicy: { Name: policy } }));
  }

  /** Removes the container that the rollback script made. */
  async removeRolledBack(): Promise<void> {
    if ((await this.look()).holder === "its rollback script") await this.#remove();
  }

  /** Gives the one that was put aside its name again and starts it; true when there was one. Throws when the name is taken. */
  async bringBack(): Promise<boolean> {
    const { holder, aside } = await this.look();
    if (!aside) return false;
    if (holder !== "nobody") {
      throw new Error(`the container ${aside.name} cannot have its name ${this.#name} again: another one has it`);
    }
    await this.#restore(aside.name);
    return true;
  }

  /** As `bringBack`, in the place of a container of the stack's that could not be created or started. */
  async bringBackInsteadOfOurs(): Promise<boolean> {
    const { holder, aside } = await this.look();
    if (aside && holder === "this stack") await this.#remove();
    return this.bringBack();
  }

  #holderOf({ Config }: ContainerInspection): Holder {
    const labels: Record<string, string> = Config.Labels ?? {};
    const isOurs = labels[serviceLabel] === this.#service && (labels[stackLabel] ?? this.#stack) === this.#stack;
    if (!isOurs) return "somebody else";
    return labels[rollbackLabel] === undefined ? "this stack" : "its rollback script";
  }

  async #remove(): Promise<void> {
    await this.#do(this.#name, (container) => container.remove({ force: true }));
  }

  async #inspect(name: string): Promise<ContainerInspection | undefined> {
    try {
      return await this.#docker.getContainer(name).inspect();
    } catch (error) {
      if ((error as { statusCode?: number }).statusCode === 404) return undefined;
      throw explainDocker(`looking at the container ${name}`, error);
    }
  }

  async #do(name: string, what: (container: Container) => Promise<unknown>): Promise<void> {
    try {
      await what(this.#docker.getContainer(name));
    } catch (error) {
      // It is as asked for already: started or stopped.
      if ((error as { statusCode?: number }).statusCode === 304) return;
      throw explainDocker(`changing the container ${name}`, error);
    }
  }
}

/** Of a running container: the 404 is about its network sandbox, not about the container. */
function isWithoutSandbox(error: unknown): boolean {
  const { statusCode, message } = error as { statusCode?: number; message?: string };
  return statusCode === 404 && message?.startsWith("sandbox ") === true;
}

function unlessStopped(error: unknown): void {
  if ((error as { statusCode?: number }).statusCode !== 304) throw error;
}

function makerOf({ Config, Created }: ContainerInspection): string {
  const labels: Record<string, string> = Config.Labels ?? {};
  const project = labels["com.docker.compose.project"];
  if (project !== undefined)
    return `compose project ${project}, service ${labels["com.docker.compose.service"] ?? "?"}`;
  const stack = labels[stackLabel];
  return stack === undefined
    ? `made ${Created} from ${Config.Image}`
    : `service ${labels[serviceLabel]} of the stack ${stack}`;
}
