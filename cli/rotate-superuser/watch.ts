import { setTimeout as sleep } from "node:timers/promises";
import type { Queryable } from "../../provider/postgres/connection.ts";
import { readUserSessions } from "../../provider/sessions/user-sessions.ts";
import type { Finding } from "./finding.ts";

/** Milliseconds between two looks. */
const interval = 1000;

interface Seen {
  databases: Set<string>;
  most: number;
  first: Date;
  last: Date;
}

/** Who logs in as the user, looked at every second for `time` milliseconds, at least once. */
export async function watchSessions(
  db: Queryable,
  user: string,
  time: number,
  progress: (message: string) => void,
): Promise<Finding[]> {
  const seen = new Map<string, Seen>();
  const end = Date.now() + time;
  for (;;) {
    const now = new Date();
    for (const { application, address, databases, sessions } of await readUserSessions(db, user)) {
      const name = `session/${application}@${address}`;
      const before = seen.get(name) ?? { databases: new Set(), most: 0, first: now, last: now };
      const most = Math.max(before.most, sessions);
      seen.set(name, { databases: new Set([...before.databases, ...databases]), most, first: before.first, last: now });
    }
    const left = end - Date.now();
    if (left <= 0) break;
    progress(`watching who logs in as ${user}: ${seen.size} found, ${Math.ceil(left / 1000)}s to go`);
    await sleep(Math.min(interval, left));
  }
  return [...seen].map(([name, each]) => ({ name, found: inWords(each), afterwards: consequence }));
}

const consequence = "its open sessions stay; its next login with the former password is refused";

function inWords({ databases, most, first, last }: Seen): string {
  const where = databases.size > 0 ? [...databases].toSorted().join(", ") : "replication";
  const count = `${most} ${most === 1 ? "session" : "sessions"}${first < last ? " at most" : ""}`;
  const when = first < last ? `seen from ${clock(first)} to ${clock(last)}` : `seen at ${clock(first)}`;
  return `${count} in ${where}, ${when}`;
}

function clock(time: Date): string {
  return time.toTimeString().slice(0, 8);
}
