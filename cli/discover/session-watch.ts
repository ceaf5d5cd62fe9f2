import { familyOf } from "./applications.ts";
import type { Statement } from "./evidence.ts";
import type { Look, Session } from "./session-sampler.ts";

/** Sessions that cannot be told apart: same login, database, family of application_name and address. */
export interface Client {
  database: string;
  user: string;
  /** See familyOf. */
  application: string;
  address: string | undefined;
  isReplication: boolean;
}

/** What all looks together say about one client. */
export interface ClientUse extends Client {
  key: string;
  /** The most sessions, and the most that were not idle, at one look. */
  sessions: number;
  busy: number;
  /** Sums over all looks; sessions whose state cannot be seen are in neither. */
  idleLooks: number;
  stateLooks: number;
  /** The longest time that a session was idle in a transaction, in seconds. */
  idleInTransaction: number;
  /** Whether a log has it from before the watch. */
  wasLogged: boolean;
}

/** Different statements that are kept; a client that puts its data into the text could fill the memory. */
const mostStatements = 20_000;

/** All looks of one watch. */
export class SessionWatch {
  readonly #clients = new Map<string, ClientUse>();
  /** Sessions by client at each look; of consecutive equal ones the first. */
  readonly #counts: { at: Date; sessions: Map<string, number> }[] = [];
  readonly #statements = new Map<string, Statement>();
  readonly #shapeOf: (sql: string) => string;
  looks = 0;
  first: Date | undefined;
  last: Date | undefined;
  /** Looks without an answer. */
  missed = 0;
  /** Statements of shapes that were not kept. */
  dropped = 0;

  /** @param shapeOf the same text for statements that differ in constants only */
  constructor(shapeOf: (sql: string) => string) {
    this.#shapeOf = shapeOf;
  }

  add({ sessions, statements }: Look, at = new Date()): void {
    this.looks++;
    this.first ??= at;
    this.last = at;
    const counts = new Map<string, number>();
    const busy = new Map<string, number>();
    for (const session of sessions) {
      const client = this.#clientOf(clientOf(session));
      counts.set(client.key, (counts.get(client.key) ?? 0) + 1);
      if (session.state !== undefined && session.state !== "idle")
        busy.set(client.key, (busy.get(client.key) ?? 0) + 1);
      if (session.state !== undefined) client.stateLooks++;
      if (session.state === "idle") client.idleLooks++;
      client.idleInTransaction = Math.max(client.idleInTransaction, session.idleInTransaction);
    }
    for (const [key, count] of counts) {
      const client = this.#clients.get(key) as ClientUse;
      client.sessions = Math.max(client.sessions, count);
      client.busy = Math.max(client.busy, busy.get(key) ?? 0);
    }
    if (!isSame(counts, this.#counts.at(-1)?.sessions)) this.#counts.push({ at, sessions: counts });
    for (const { session, text, at: began } of statements) this.#count(session, text, began);
  }

  /** A client that a log names, also if it has no session now. @param at when it was logged */
  addLogged(client: Client, at?: Date | undefined): void {
    const use = this.#clientOf(client);
    use.wasLogged ||= at !== undefined && this.first !== undefined && at < this.first;
  }

  get clients(): ClientUse[] {
    return [...this.#clients.values()];
  }

  /** Identical statements counted together. */
  get statements(): Statement[] {
    return [...this.#statements.values()];
  }

  /** The most sessions that these clients had at one look. */
  peakOf(keys: ReadonlySet<string>): number {
    return this.#most((counts) => sum([...counts].map(([key, count]) => (keys.has(key) ? count : 0))));
  }

  /** The most of these clients that had sessions at one look. */
  clientsAtOnce(keys: ReadonlySet<string>): number {
    return this.#most((counts) => [...counts.keys()].filter((key) => keys.has(key)).length);
  }

  /**
   * When these clients got their first session, if that was a start of their program: they had none at the first look and kept
   * some until the last. Undefined: not known, because a pool that reconnects also has none for a while.
   */
  startOf(keys: ReadonlySet<string>): Date | undefined {
    const isPresent = ({ sessions }: { sessions: Map<string, number> }) =>
      [...sessions.keys()].some((key) => keys.has(key));
    const start = this.#counts.findIndex(isPresent);
    const isKept = start > 0 && this.#counts.slice(start).every(isPresent);
    const isKnown = [...keys].some((key) => this.#clients.get(key)?.wasLogged);
    return isKept && !isKnown ? this.#counts[start]?.at : undefined;
  }

  /** How often the client got a session while it had none. */
  timesOf(key: string): number {
    return this.#counts.filter(({ sessions }, i) => sessions.has(key) && !this.#counts[i - 1]?.sessions.has(key))
      .length;
  }

  #most(of: (counts: Map<string, number>) => number): number {
    return this.#counts.reduce((most, { sessions }) => Math.max(most, of(sessions)), 0);
  }

  #clientOf(client: Client): ClientUse {
    const key = keyOf(client);
    const known = this.#clients.get(key);
    if (known) return known;
    const use = {
      ...client,
      key,
      sessions: 0,
      busy: 0,
      idleLooks: 0,
      stateLooks: 0,
      idleInTransaction: 0,
      wasLogged: false,
    };
    this.#clients.set(key, use);
    return use;
  }

  #count({ database, user, application, address, pid }: Session, text: string, at: Date): void {
    const key = JSON.stringify([database, user, application, address, this.#shapeOf(text)]);
    const known = this.#statements.get(key);
    if (known) {
      known.count++;
      known.pid = pid;
      known.at = at;
      known.text = text;
    } else if (this.#statements.size < mostStatements) {
      this.#statements.set(key, { text, database, user, application, address, pid, at, count: 1, source: "session" });
    } else this.dropped++;
  }
}

export function clientOf({
  database,
  user,
  application = "",
  address,
  isReplication = false,
}: {
  database: string;
  user: string;
  application?: string | undefined;
  address?: string | undefined;
  isReplication?: boolean;
}): Client {
  return { database, user, application: familyOf(application), address, isReplication };
}

export function keyOf({ database, user, application, address, isReplication }: Client): string {
  return JSON.stringify([database, user, application, address ?? null, isReplication]);
}

function isSame(a: Map<string, number>, b: Map<string, number> | undefined): boolean {
  return b !== undefined && a.size === b.size && [...a].every(([key, count]) => b.get(key) === count);
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
