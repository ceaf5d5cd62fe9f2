import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import type { Estate } from "./estate.ts";

type Name = "dashboard_api" | "worker";
const names: Name[] = ["dashboard_api", "worker"];

/** keep.sh of the runtime `command`: each service's URL in a file, its deploys as x in another; fails while a file `broken` exists. */
const executable = `#!/bin/sh
case "$2" in
  read) cat "$1.url" ;;
  write) cat >"$1.url" ;;
  deploy) if [ -e broken ]; then echo "no room on the node" >&2; exit 1; fi; printf x >>"$1.deploys" ;;
esac
`;

/** Two services with the runtime `command`. dashboard_api opens a session with its current URL after each deploy. */
export class CommandServices {
  /** dashboard_api opens no session. */
  isBroken = false;
  /** The URL of dashboard_api at its last deploy. */
  running = "";
  readonly #dir: string;
  readonly #timer: NodeJS.Timeout;
  #seen = 0;
  #session: pg.Client | undefined;

  private constructor(dir: string) {
    this.#dir = dir;
    this.#timer = setInterval(() => this.#follow(), 200);
  }

  static async declare(
    { sandbox, postgres }: Estate,
    gate: { timeout: string; soak: string },
  ): Promise<CommandServices> {
    const services = new CommandServices(sandbox.dir);
    writeFileSync(services.at("keep.sh"), executable);
    chmodSync(services.at("keep.sh"), 0o755);
    for (const name of names) {
      services.write(name, postgres.url("tracksolid_db"));
      await sandbox.setConfig(`services.${name}.runtime`, "command");
      await sandbox.setConfig(`services.${name}.command`, { path: "./keep.sh" });
      await sandbox.setConfig(`services.${name}.gate`, gate);
    }
    return services;
  }

  at(file: string): string {
    return join(this.#dir, file);
  }

  /** The stored URL of a service. */
  stored(name: Name): string {
    return readFileSync(this.at(`${name}.url`), "utf8");
  }

  write(name: Name, url: string): void {
    writeFileSync(this.at(`${name}.url`), url);
  }

  deploys(name: Name): number {
    const file = this.at(`${name}.deploys`);
    return existsSync(file) ? readFileSync(file, "utf8").length : 0;
  }

  user(name: Name): string {
    return new URL(this.stored(name)).username;
  }

  password(name: Name): string {
    return new URL(this.stored(name)).password;
  }

  /** Ends the session of dashboard_api until its next deploy. */
  async disconnect(): Promise<void> {
    await this.#session?.end().catch(() => undefined);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.disconnect();
  }

  #follow(): void {
    const deploys = this.deploys("dashboard_api");
    if (this.isBroken || deploys === this.#seen) return;
    this.#seen = deploys;
    void this.disconnect();
    this.running = this.stored("dashboard_api");
    this.#session = new pg.Client({ connectionString: this.running });
    this.#session.on("error", () => undefined);
    void this.#session.connect().catch(() => undefined);
  }
}
