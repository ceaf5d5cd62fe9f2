import { composeSteps } from "../rollback-kit/compose-script.ts";
import { writeFileAtomically } from "../write-file.ts";
import { examineCompose } from "./compose-examination.ts";
import { composeFileProblem } from "./compose-files.ts";
import { type ComposeOptions, ComposeService, type Container, label, nameOf, variable } from "./compose-service.ts";
import { lineOf, readValue, withoutKey, withValue } from "./env-file.ts";
import type { EnvTarget, Examination, Found, Watched } from "./target.ts";

/** Manages one line of an env file of a compose project; compose manages the containers. */
export class ComposeTarget implements EnvTarget {
  readonly place: string;
  private readonly it: ComposeService;

  constructor(options: ComposeOptions) {
    this.place = `${options.urlKey} in ${options.envFile}`;
    this.it = new ComposeService(options);
  }

  /** The project label of its containers, else compose's default project name. */
  async projectName(call: Watched): Promise<string> {
    const [first] = await this.it.containers(call);
    return first?.Config.Labels[label.project] ?? this.it.project.defaultName;
  }

  scrub(text: string): string {
    return this.it.scrub(text);
  }

  async unreadable(): Promise<string[]> {
    const { service, files, urlKey } = this.it.options;
    const reasons = await Promise.all(files.map(composeFileProblem));
    const ofFiles = reasons.filter((reason) => reason !== undefined);
    const ofEnvFile = await this.it
      .readEnvFile()
      .then((text) => void this.it.inEnvFile(() => readValue(text, urlKey)))
      .catch((error: Error) => [error.message]);
    const all = [...ofFiles.map((reason) => `services.${service}.compose.files: ${reason}`), ...(ofEnvFile ?? [])];
    return all.map((reason) => this.scrub(reason));
  }

  find(call: Watched): Promise<Found> {
    return this.scrubbed(async () => {
      const { urlKey } = this.it.options;
      const text = await this.it.readEnvFile();
      const stored = this.it.inEnvFile(() => readValue(text, urlKey));
      await this.it.configs(call);
      const containers = await this.it.containers(call);
      const running = containers.map((each) => ({ name: nameOf(each), value: variable(each, urlKey) }));
      this.it.learn(...running.map(({ value }) => value ?? ""));
      return { stored, running };
    });
  }

  examine(call: Watched): Promise<Examination> {
    return this.scrubbed(() => examineCompose(this.it, call));
  }

  put(value: string, call: Watched): Promise<void> {
    return alone(() =>
      this.scrubbed(async () => {
        this.it.learn(value);
        const { refusals } = await this.examine(call);
        if (refusals.length > 0) throw new Error(refusals.join("\n  "));
        const { stored, running } = await this.find(call);
        // A killed up may have written the line already: the containers still have the previous value.
        const previous = stored === value ? running.find((each) => each.value !== value)?.value : stored;
        const before = await this.it.containers(call);
        const { urlKey, envFile } = this.it.options;
        const text = await this.it.readEnvFile();
        const written = this.it.inEnvFile(() => withValue(text, urlKey, value));
        try {
          if (written !== text) await writeFileAtomically(envFile, written, { owner: "keep" });
          await this.start(value, before, call);
        } catch (error) {
          const kept = await this.rollBack({ text, written, stored, previous, before }, call);
          throw new Error(`${(error as Error).message}\n  ${kept}`);
        }
      }),
    );
  }

  rollbackSteps(legacyUrl: string, call: Watched): Promise<string[]> {
    return this.scrubbed(async () => {
      const { urlKey, envFile, composeService, dockerHost } = this.it.options;
      this.it.learn(legacyUrl);
      const text = await this.it.readEnvFile();
      const line = this.it.inEnvFile(() => lineOf(withValue(text, urlKey, legacyUrl), urlKey));
      const cli = await this.it.cli(call);
      const compose = cli.commandFor(await this.projectName(call));
      const { folder } = this.it.project;
      return composeSteps({ urlKey, envFile, line, folder, compose, composeService, up: cli.upOptions, dockerHost });
    });
  }

  private async start(value: string, before: Container[], call: Watched): Promise<void> {
    const { urlKey, composeService, envFile } = this.it.options;
    const { own } = await this.it.configs(call);
    if (own.environment?.[urlKey] !== value) {
      throw new Error(
        `compose reads another value than was written to ${envFile}, so ${composeService} was not restarted`,
      );
    }
    // A container that a killed up created but did not start is not current.
    const isCurrent = (each: Container) => variable(each, urlKey) === value && each.State.Status !== "created";
    if (before.length > 0 && before.every(isCurrent)) return;
    await (await this.it.cli(call)).up(composeService, Math.max(before.length, 1), call);
    const now = await this.it.containers(call);
    const stale = now.filter((each) => !isCurrent(each)).map(nameOf);
    if (now.length === 0) throw new Error(`compose up succeeded, but ${composeService} has no container`);
    if (stale.length > 0) {
      throw new Error(`compose up succeeded, but ${stale.join(", ")} has another ${urlKey} than ${envFile}`);
    }
  }

  /** Restores the line after a failed restart, even after a cancellation. */
  private async rollBack({ text, written, stored, previous, before }: Attempt, call: Watched): Promise<string> {
    const { envFile, urlKey } = this.it.options;
    const anyway = { ...call, signal: new AbortController().signal };
    try {
      const now = await this.it.readEnvFile();
      const without = stored === undefined ? withoutKey(now, urlKey) : now;
      const line = previous === undefined ? without : withValue(now, urlKey, previous);
      // Byte for byte, unless the file was changed meanwhile.
      await writeFileAtomically(envFile, now === written && written !== text ? text : line, { owner: "keep" });
    } catch (error) {
      return `The previous line could not be restored in ${envFile}: ${(error as Error).message}`;
    }
    return this.restart(before, anyway);
  }

  private async restart(before: Container[], call: Watched): Promise<string> {
    const { envFile, composeService } = this.it.options;
    const line = `The previous line in ${envFile} was restored`;
    try {
      const after = await this.it.containers(call);
      if (identities(after) === identities(before)) return `${line}; the containers were not changed.`;
      await (await this.it.cli(call)).up(composeService, Math.max(before.length, 1), call);
      return `${line}, and ${composeService} runs with it again.`;
    } catch (error) {
      const said = (error as Error).message;
      const left = await this.restartPrevious(before);
      return left.length > 0
        ? `${line}, and the previous ${left.join(", ")} runs again; compose could not restart it: ${said}`
        : `${line}, but ${composeService} does not run: ${said}`;
    }
  }

  /** Starts the previous containers that compose has stopped but not removed. Resolves with their names. */
  private async restartPrevious(before: Container[]): Promise<string[]> {
    const started: string[] = [];
    for (const { Id, Name } of before.filter((each) => each.State.Running)) {
      const container = this.it.docker.getContainer(Id);
      try {
        const now = await container.inspect();
        if (!now.State.Running) await container.start();
        // docker-compose 1 renames a container before it replaces it.
        if (now.Name !== Name) await container.rename({ name: nameOf({ Name }) });
        started.push(nameOf({ Name }));
      } catch {
        // Removed, or its name is in use: only running containers are reported.
      }
    }
    return started;
  }

  private async scrubbed<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw new Error(this.scrub((error as Error).message));
    }
  }
}

/** The situation before `put`. */
interface Attempt {
  /** The env file before and after the change. */
  text: string;
  written: string;
  /** The previous value of the line; undefined if there was no line. */
  stored: string | undefined;
  /** The value that the service ran with, if known. */
  previous: string | undefined;
  before: Container[];
}

/** Changes with each restart. */
function identities(containers: Container[]): string {
  return containers
    .map(({ Id, State }) => `${Id} ${State.StartedAt} ${State.Running}`)
    .toSorted()
    .join();
}

/** Compose does not serialize two runs on one project. */
let queue: Promise<unknown> = Promise.resolve();

function alone<T>(work: () => Promise<T>): Promise<T> {
  const mine = queue.then(work);
  queue = mine.catch(() => undefined);
  return mine;
}
