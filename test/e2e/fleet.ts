import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import type { Estate } from "./estate.ts";
import { FakeCompose } from "./fake-compose.ts";

/** Four services of two runtimes. */
export const fleet = {
  dashboard_api: { runtime: "command", role: "dashboard_app" },
  worker: { runtime: "command", role: "tracksolid_owner" },
  ingest_worker: { runtime: "compose", role: "tracksolid_owner" },
  webhook_receiver: { runtime: "compose", role: "tracksolid_owner" },
} as const;
export type Name = keyof typeof fleet;
export const names = Object.keys(fleet) as Name[];

/** keep.sh of the runtime `command`: a service runs with the URL of its last deploy. */
const executable = `#!/bin/sh
case "$2" in
  read) cat "$1.url" ;;
  write) cat >"$1.url" ;;
  deploy) if [ -e broken ]; then echo "no room on the node" >&2; exit 1; fi; cp "$1.url" "$1.running"; printf x >>"$1.deploys" ;;
esac
`;

/** Each service opens a session with its current URL after each start. */
export class Fleet {
  /** Services that open sessions only as the superuser. */
  readonly broken = new Set<Name>();
  /** Time of the last login by service and user, in milliseconds since 1970. */
  readonly loginAt = new Map<string, number>();
  readonly compose: FakeCompose;
  readonly env: NodeJS.ProcessEnv;
  readonly #dir: string;
  readonly #sessions = new Map<Name, pg.Client>();
  readonly #seen = new Map<Name, number>();
  readonly #timer: NodeJS.Timeout;

  private constructor(estate: Estate, compose: FakeCompose) {
    this.#dir = estate.sandbox.dir;
    this.compose = compose;
    compose.broken = this.broken;
    this.env = { ...estate.sandbox.env, PATH: `${compose.bin}:${estate.sandbox.env.PATH}` };
    this.#timer = setInterval(() => this.#follow(), 50);
  }

  static async declare(estate: Estate, gate: { timeout: string; soak: string }): Promise<Fleet> {
    const { sandbox, postgres } = estate;
    const { dir } = sandbox;
    const started: { fleet?: Fleet } = {};
    const compose = await FakeCompose.create(dir, (service, url) => started.fleet?.start(service as Name, url));
    const self = new Fleet(estate, compose);
    started.fleet = self;
    Object.assign(sandbox.env, { PATH: self.env.PATH });
    writeFileSync(join(dir, "keep.sh"), executable);
    chmodSync(join(dir, "keep.sh"), 0o755);
    const ofCompose = names.filter((name) => fleet[name].runtime === "compose");
    const services = Object.fromEntries(ofCompose.map((name) => [name, { env_file: [join(dir, `${name}.env`)] }]));
    writeFileSync(join(dir, "docker-compose.yml"), JSON.stringify({ services }));
    await estate.pulumi(["config", "set", "docker:host", compose.host]);
    await sandbox.setConfig("rollbackKit", "kit");
    for (const name of names) {
      const url = `${postgres.url("tracksolid_db")}?application_name=${name}`;
      const { runtime } = fleet[name];
      await sandbox.setConfig(`services.${name}.runtime`, runtime);
      await sandbox.setConfig(`services.${name}.gate`, gate);
      if (runtime === "command") {
        writeFileSync(join(dir, `${name}.url`), url);
        writeFileSync(join(dir, `${name}.running`), url);
        await sandbox.setConfig(`services.${name}.command`, { path: "./keep.sh" });
      } else {
        writeFileSync(join(dir, `${name}.env`), `LEVEL=info\nDATABASE_URL=${url}\n`);
        const spec = { files: ["docker-compose.yml"], project: "shop", envFile: `${name}.env` };
        await sandbox.setConfig(`services.${name}.compose`, spec);
        compose.start(name, { LEVEL: "info", DATABASE_URL: url });
      }
    }
    return self;
  }

  at(file: string): string {
    return join(this.#dir, file);
  }

  /** The URL that a service runs with. */
  running(name: Name): string {
    return fleet[name].runtime === "compose"
      ? this.compose.url(name)
      : readFileSync(this.at(`${name}.running`), "utf8");
  }

  user(name: Name): string {
    return new URL(this.running(name)).username;
  }

  /** Changes with each restart. */
  restarts(name: Name): string {
    return fleet[name].runtime === "compose" ? `${this.compose.id(name)}` : String(this.#deploys(name));
  }

  /** A new login with the URL that it runs with. Rejects with the server's error. */
  async login(name: Name): Promise<void> {
    const client = new pg.Client({ connectionString: this.running(name) });
    await client.connect();
    await client.end();
  }

  start(name: Name, url: string): void {
    void this.#sessions
      .get(name)
      ?.end()
      .catch(() => undefined);
    this.#sessions.delete(name);
    const { username } = new URL(url);
    if (this.broken.has(name) && username !== "postgres") return;
    const session = new pg.Client({ connectionString: url });
    session.on("error", () => undefined);
    this.#sessions.set(name, session);
    void session.connect().then(
      () => this.loginAt.set(`${name} ${username}`, Date.now()),
      () => undefined,
    );
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.compose.close();
    await Promise.all([...this.#sessions.values()].map((each) => each.end().catch(() => undefined)));
  }

  #deploys(name: Name): number {
    const file = this.at(`${name}.deploys`);
    return existsSync(file) ? readFileSync(file, "utf8").length : 0;
  }

  #follow(): void {
    for (const name of names.filter((each) => fleet[each].runtime === "command")) {
      const deploys = this.#deploys(name);
      if (deploys === (this.#seen.get(name) ?? 0)) continue;
      this.#seen.set(name, deploys);
      this.start(name, this.running(name));
    }
  }
}
