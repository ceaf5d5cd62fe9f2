import { resolve } from "node:path";
import { commandSteps } from "../rollback-kit/command-script.ts";
import { Secrets } from "../rpc/secrets.ts";
import { Secret } from "../rpc/values.ts";
import { childEnvironment, type Ended, lastLines, runChild } from "./child.ts";
import type { EnvTarget, Examination, Found, Watched } from "./target.ts";

/** Default timeouts in milliseconds. */
const defaultTimeouts = { read: 60_000, write: 60_000, deploy: 900_000 };
type Action = keyof typeof defaultTimeouts;

export interface CommandOptions {
  service: string;
  /** The environment variable. */
  urlKey: string;
  path: string;
  args: string[];
  /** Overrides the default timeouts, in milliseconds. */
  timeouts?: Partial<Record<Action, number>> | undefined;
}

/**
 * The user's executable: `PATH ARGS... SERVICE read|write|deploy`. `read` prints the value on standard output (nothing if there
 * is none yet), `write` reads it from standard input, and `deploy` starts the service with it. The value is never in its
 * arguments or environment; urlKey is in APP_ROLES_URL_KEY.
 */
export class CommandTarget implements EnvTarget {
  readonly place: string;
  private readonly options: CommandOptions;
  private readonly secrets = new Secrets();

  constructor(options: CommandOptions) {
    this.options = options;
    this.place = `${options.urlKey} by ${options.path}`;
  }

  async find(call: Watched): Promise<Found> {
    return { stored: await this.read(call), running: [] };
  }

  /** The files that it reads are not known. */
  async unreadable(): Promise<string[]> {
    return [];
  }

  /** The effects of the executable are not known. */
  async examine(): Promise<Examination> {
    return { refusals: [], warnings: [] };
  }

  async put(value: string, call: Watched): Promise<void> {
    this.learn(value);
    const before = await this.read(call);
    try {
      if (before !== value) await this.run("write", call, value);
      await this.run("deploy", call);
      if ((await this.read(call)) !== value)
        throw new Error(`${this.place}: read prints another value than was written`);
    } catch (error) {
      if (before === undefined || before === value) throw error;
      throw new Error(`${(error as Error).message}\n  ${await this.rollBack(before, call)}`);
    }
  }

  async rollbackSteps(legacyUrl: string): Promise<string[]> {
    return commandSteps({ ...this.options, legacyUrl });
  }

  scrub(text: string): string {
    return this.secrets.scrub(text);
  }

  private async rollBack(before: string, call: Watched): Promise<string> {
    // Rolls back even after a cancellation.
    const anyway = { ...call, signal: new AbortController().signal };
    try {
      await this.run("write", anyway, before);
      await this.run("deploy", anyway);
      return "The previous value was restored and deployed.";
    } catch (error) {
      return `The previous value could not be restored: ${(error as Error).message}`;
    }
  }

  private async read(call: Watched): Promise<string | undefined> {
    const value = (await this.run("read", call)).stdout.replace(/\r?\n$/, "");
    this.learn(value);
    return value === "" ? undefined : value;
  }

  private async run(action: Action, { signal, report }: Watched, input?: string): Promise<Ended> {
    const { service, urlKey, path, args, timeouts } = this.options;
    const doing = `${path} ${service} ${action}`;
    const timeout = timeouts?.[action] ?? defaultTimeouts[action];
    const ended = await runChild(resolve(path), [...args, service, action], {
      env: { ...childEnvironment(urlKey), APP_ROLES_URL_KEY: urlKey },
      input,
      timeout,
      signal,
      onWait: (seconds) => report.progress(`${doing}: ${seconds} s`),
    }).catch((error: NodeJS.ErrnoException) => {
      const hint = error.code === "EACCES" ? "; chmod +x it" : "";
      throw new Error(
        `${doing} cannot be started: ${error.code ?? error.message}${hint} (services.${service}.command.path)`,
      );
    });
    if (ended.code === 0 && !ended.isLate) return ended;
    const how = ended.isLate
      ? `was killed after ${timeout / 1000} s`
      : `ended with exit code ${ended.code ?? "of a signal"}`;
    const said = this.scrub(lastLines(ended.stderr));
    throw new Error(`${doing} ${how}${said ? `:\n  ${said}` : " without output on standard error"}`);
  }

  private learn(value: string): void {
    this.secrets.learn(new Secret(value));
  }
}
