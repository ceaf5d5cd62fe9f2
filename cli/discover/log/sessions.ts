import type { LogRead } from "../evidence.ts";
import { addressOf, knownName, type LogEntry } from "./entry.ts";

/** Who sent a statement. */
export interface LoggedSession {
  user?: string | undefined;
  database?: string | undefined;
  application?: string | undefined;
  address?: string | undefined;
  /** What the session has set search_path to. */
  searchPath?: string | undefined;
}

interface Known extends LoggedSession {
  /** See LogEntry. */
  session?: string | undefined;
  /** search_path before a SET LOCAL, which ends with its transaction. */
  outside?: { searchPath: string | undefined } | undefined;
}

/** The most sessions that are remembered, for a log without disconnections. */
const mostSessions = 10_000;

const received = /^connection received: host=(\S+)/;
const authorized =
  /^connection authorized: user=(.*?) database=(.*?)(?: application_name=(.*?))?(?: SSL enabled \(.*\)| GSS \(.*\))?$/s;
const searchPath =
  /^\s*set\s+(?:(session|local)\s+)?search_path\s*(?:=|\bto\b)\s*([^;]*?)\s*;?\s*$|^\s*select\s+(?:pg_catalog\.)?set_config\s*\(\s*'search_path'\s*,\s*'((?:[^']|'')*)'\s*,\s*(true|false)\s*\)/i;
const resets = /^\s*(?:reset\s+(?:search_path|all)|discard\s+all)\b/i;
const endsTransaction = /^\s*(?:commit|rollback(?!\s+to)|end|abort)\b/i;

/** All sessions have ended. */
const restarted = /^(?:database system is ready to accept connections|all server processes terminated)/;
/** One session has ended without a disconnection. */
const crashed = /^server process \(PID (\d+)\) (?:exited|was terminated)/;

/** Sessions by their process: what a log_line_prefix lacks, log_connections tells. */
export class LoggedSessions {
  readonly #byPid = new Map<number, Known>();
  readonly #logins = new Map<string, LogRead["logins"][number]>();

  /** Notes the start or end of a session. Returns false for any other message. */
  note(entry: LogEntry): boolean {
    const { pid, session: id, message } = entry;
    // A function can write anything.
    if (entry.hasContext) return false;
    const gone = crashed.exec(message);
    if (gone) this.#byPid.delete(Number(gone[1]));
    if (restarted.test(message)) this.#byPid.clear();
    if (!message.startsWith("connection ") && !message.startsWith("disconnection: ")) return false;
    const host = received.exec(message);
    if (host && pid !== undefined) this.#remember(pid, { session: id, address: addressOf(host[1]) });
    const login = authorized.exec(message);
    if (login) {
      const before = this.#known(entry);
      const session = {
        session: id,
        user: login[1],
        database: login[2],
        application: knownName(login[3]),
        // One that has a user is a session before this one.
        address: entry.address ?? (before?.user === undefined ? before?.address : undefined),
      };
      if (pid !== undefined) this.#remember(pid, session);
      this.#count(session);
    }
    if (pid !== undefined && message.startsWith("disconnection: ")) this.#byPid.delete(pid);
    return true;
  }

  /** Who sent the entry's statement: what its line says, else what the session's login said. */
  of(entry: LogEntry): LoggedSession {
    const known = this.#known(entry);
    return {
      user: entry.user ?? known?.user,
      database: entry.database ?? known?.database,
      application: entry.application ?? known?.application,
      address: entry.address ?? known?.address,
      searchPath: known?.searchPath,
    };
  }

  /** Notes what a statement changes in its session. */
  sent(entry: LogEntry, text: string): void {
    const { pid } = entry;
    if (pid === undefined || text.length > 1000) return;
    if (endsTransaction.test(text)) {
      const session = this.#byPid.get(pid);
      if (!session?.outside) return;
      session.searchPath = session.outside.searchPath;
      session.outside = undefined;
    } else if (resets.test(text)) {
      const session = this.#byPid.get(pid);
      if (session) session.searchPath = undefined;
    } else if (/search_path/i.test(text)) this.#setSearchPath(pid, entry, text);
  }

  /** The session of the entry. A process of another one has the same pid if the log has no end of that. */
  #known(entry: LogEntry): Known | undefined {
    const { pid } = entry;
    const known = pid === undefined ? undefined : this.#byPid.get(pid);
    if (pid === undefined || known === undefined || !isOther(known, entry)) return known;
    this.#byPid.delete(pid);
    return undefined;
  }

  #setSearchPath(pid: number, { session: id, user, database, address }: LogEntry, text: string): void {
    const match = searchPath.exec(text);
    if (!match) return;
    const session = this.#byPid.get(pid) ?? this.#remember(pid, { session: id, user, database, address });
    const isLocal = match[1]?.toLowerCase() === "local" || match[4]?.toLowerCase() === "true";
    if (isLocal) session.outside ??= { searchPath: session.searchPath };
    const value = match[3]?.replaceAll("''", "'") ?? match[2];
    // In SET each name can be a quoted constant.
    const names = match[2] === undefined ? value : value?.replace(/'((?:[^']|'')*)'/g, (_, name) => `"${name}"`);
    session.searchPath = /^default$/i.test(names ?? "") ? undefined : names;
  }

  #remember(pid: number, session: Known): Known {
    this.#byPid.delete(pid);
    this.#byPid.set(pid, session);
    if (this.#byPid.size > mostSessions) {
      for (const oldest of this.#byPid.keys()) {
        this.#byPid.delete(oldest);
        break;
      }
    }
    return session;
  }

  #count({ user, database, application, address }: LoggedSession): void {
    if (user === undefined || database === undefined) return;
    const key = [user, database, application, address].join("\0");
    const login = this.#logins.get(key);
    if (login) login.count++;
    else if (this.#logins.size < mostSessions)
      this.#logins.set(key, { user, database, application, address, count: 1 });
  }

  logins(): LogRead["logins"] {
    return [...this.#logins.values()];
  }
}

function isOther(known: Known, entry: LogEntry): boolean {
  return (["session", "user", "database", "address"] as const).some(
    (name) => known[name] !== undefined && entry[name] !== undefined && known[name] !== entry[name],
  );
}
