import type { RoleSession } from "../../postgres/sessions.ts";
import type { Containers, ServiceContainer } from "./containers.ts";
import { type Failure, IdleEnds, type Look, noSessions } from "./gate.ts";
import { type LogLine, withoutSecrets } from "./log.ts";
import { type LogRules, logCheck } from "./log-patterns.ts";

/** The most log lines that a failure shows. */
const shown = 20;

/** Looks repeatedly at a service with containers, and compares with earlier looks. */
export class ServiceWatch {
  readonly #containers: Containers;
  readonly #sessions: () => Promise<RoleSession[]>;
  readonly #check: (line: string) => string | undefined;
  readonly #warn: (message: string) => void;
  readonly #idleEnds: IdleEnds;
  /** Containers that ran at an earlier look. */
  #watched = new Map<string, ServiceContainer>();
  /** Container to the time of the last line read. */
  readonly #readUntil = new Map<string, string>();
  readonly #warned = new Set<string>();

  constructor(
    containers: Containers,
    sessions: () => Promise<RoleSession[]>,
    rules: LogRules,
    warn: (message: string) => void,
    idleEnds = new IdleEnds(0),
  ) {
    this.#idleEnds = idleEnds;
    this.#containers = containers;
    this.#sessions = sessions;
    this.#check = logCheck(rules);
    this.#warn = warn;
  }

  async look(): Promise<Look> {
    const sessions = await this.#sessions();
    this.#idleEnds.see(sessions);
    const all = await this.#containers.all();
    const live = all.filter(({ state }) => state === "running" || state === "restarting");
    const own = await this.#own(sessions, live);
    const failure = (await this.#inLogs(live)) ?? (await this.#ended(all, live));
    this.#watched = new Map(live.map((each) => [each.id, this.#watched.get(each.id) ?? each]));
    return { sessions: own, pending: pendingOf(all, live, own), idleEnds: this.#idleEnds.count, failure };
  }

  /** The number of this service's sessions. */
  async #own(sessions: RoleSession[], live: ServiceContainer[]): Promise<number> {
    const addresses = new Set(live.flatMap((container) => container.addresses));
    const from = sessions.filter(({ address }) => address !== undefined && addresses.has(address)).length;
    if (from > 0 || sessions.length === 0 || live.length === 0) return from;
    const every = await this.#containers.everyAddress();
    if (sessions.some(({ address }) => address !== undefined && every.has(address))) return 0;
    // The server sees the Docker host's address: it is outside of that host, or the container uses the host's network.
    const oldest = Math.max(...live.map(({ age }) => age));
    const young = sessions.filter(({ age }) => age <= oldest).length;
    if (young > 0) {
      this.#once(
        "the server does not see the containers' own addresses: all sessions of the role younger than the container are counted",
      );
    }
    return young;
  }

  async #inLogs(live: ServiceContainer[]): Promise<Failure | undefined> {
    for (const container of live) {
      const from = this.#readUntil.get(container.id) ?? container.startedAt;
      const since = from > container.startedAt ? from : container.startedAt;
      const read = await this.#containers.log(container, since);
      if (!read) {
        this.#once(
          `the logging driver of ${container.name} does not support reading: only sessions and health are watched`,
        );
        continue;
      }
      const last = read.at(-1);
      // The last line is read again, because another one can have the same time.
      if (last) this.#readUntil.set(container.id, last.time);
      const failure = this.#failureIn(container, read);
      if (failure) return failure;
    }
    return undefined;
  }

  #failureIn(container: ServiceContainer, lines: LogLine[]): Failure | undefined {
    const bad = lines.filter(({ text }) => this.#check(text) !== undefined);
    const [first] = bad;
    if (!first) return undefined;
    const reason = `found in the log of ${container.name}: ${this.#check(first.text)}`;
    return { reason, lines: clean(container, bad.slice(0, shown)) };
  }

  /** A container that stopped or was restarted. */
  async #ended(all: ServiceContainer[], live: ServiceContainer[]): Promise<Failure | undefined> {
    for (const container of live) {
      const before = this.#watched.get(container.id);
      if (before && (container.restarts > before.restarts || container.startedAt !== before.startedAt)) {
        return this.#stopped(container, `${container.name} was restarted while it was watched`, before.startedAt);
      }
    }
    for (const before of this.#watched.values()) {
      if (live.some(({ id }) => id === before.id)) continue;
      const now = all.find(({ id }) => id === before.id);
      // An updated swarm service stops its previous replicas, some of them after the update.
      if (before.isTask && live.length > 0 && (!now || isOrderly(now))) continue;
      if (!now) return { reason: `${before.name} was removed while it was watched`, lines: [] };
      return this.#stopped(now, `${now.name} ended with exit code ${now.exitCode}`, before.startedAt);
    }
    const [newest] = all;
    if (live.length === 0 && newest && (newest.state === "exited" || newest.state === "dead")) {
      return this.#stopped(newest, `${newest.name} has ended with exit code ${newest.exitCode}`, newest.startedAt);
    }
    return undefined;
  }

  async #stopped(container: ServiceContainer, what: string, since: string): Promise<Failure> {
    const reason = container.isOutOfMemory ? `${what}, out of memory` : what;
    const lines = (await this.#containers.log(container, since)) ?? [];
    const bad = lines.filter(({ text }) => this.#check(text) !== undefined);
    return { reason, lines: clean(container, (bad.length > 0 ? bad : lines).slice(-shown)) };
  }

  #once(warning: string): void {
    if (this.#warned.has(warning)) return;
    this.#warned.add(warning);
    this.#warn(warning);
  }
}

function pendingOf(all: ServiceContainer[], live: ServiceContainer[], sessions: number): string[] {
  if (live.length === 0) return [all.length === 0 ? "it has no container" : "none of its containers runs"];
  const states = live.flatMap(({ name, state, health, healthOutput }) => {
    if (state === "restarting") return [`${name} is restarting`];
    if (health === undefined || health === "healthy") return [];
    const said = healthOutput && health === "unhealthy" ? ` (output of its healthcheck: ${healthOutput})` : "";
    return [`the health status of ${name} is ${health}${said}`];
  });
  return [...states, ...(sessions > 0 ? [] : [noSessions])];
}

/** Exited normally or by the signals of a stop. */
function isOrderly({ exitCode, isOutOfMemory, state }: ServiceContainer): boolean {
  return state === "removing" || (!isOutOfMemory && [0, 137, 143].includes(exitCode));
}

function clean({ secrets }: ServiceContainer, lines: LogLine[]): string[] {
  return [...new Set(lines.map(({ text }) => withoutSecrets(text, secrets)))];
}
