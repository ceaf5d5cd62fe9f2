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
  /** It had no session at the first look: it was started during the watch. */
  isNew: boolean;
}

/** Different statements that are kept; a client that puts its data into the text could fill the memory. */
const mostStatements = 20_000;

/** All looks of one watch. */
export class SessionWatch {
  readonly #clients = new Map<string, ClientUse>();
  /** Sessions by client at each look; consecutive equal ones once. */
  readonly #counts: Map<string, number>[] = [];
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
    const isFirst = this.looks === 0;
    this.looks++;
    this.first ??= at;
    this.last = at;
    const counts = new Map<string, number>();
    const busy = new Map<string, number>();
    for (const session of sessions) {
      const client = this.#clientOf(clientOf(session), !isFirst);
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
    if (!isSame(counts, this.#counts.at(-1))) this.#counts.push(counts);
    for (const { session, text, at: began } of statements) this.#count(session, text, began);
  }

  /** A client that a log names, also if it has no session now. */
  addLogged(client: Client): void {
    this.#clientOf(client, false);
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

  /** Whether these clients had no session at one look and some at a later one. */
  startedDuring(keys: ReadonlySet<string>): boolean {
    let wasAbsent = false;
    for (const counts of this.#counts) {
      const isPresent = [...counts.keys()].some((key) => keys.has(key));
      if (isPresent && wasAbsent) return true;
      wasAbsent ||= !isPresent;
    }
    return false;
  }

  #most(of: (counts: Map<string, number>) => number): number {
    return this.#counts.reduce((most, counts) => Math.max(most, of(counts)), 0);
  }

  #clientOf(client: Client, isNew: boolean): ClientUse {
    const key = keyOf(client);
    const known = this.#clients.get(key);
    if (known) return known;
    const use = { ...client, key, sessions: 0, busy: 0, idleLooks: 0, stateLooks: 0, idleInTransaction: 0, isNew };
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
