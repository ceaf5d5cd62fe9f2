import { setTimeout as sleep } from "node:timers/promises";
import { readEnvironments } from "../../provider/docker/environments.ts";
import type { Queryable } from "../../provider/postgres/connection.ts";
import { readUserSessions } from "../../provider/postgres/sessions.ts";
import type { ConfiguredStack } from "../pulumi/read-stack.ts";
import { during } from "../terminal/progress.ts";
import type { Finding } from "./finding.ts";
import { holders } from "./holders.ts";
import type { Asking } from "./login.ts";
import type { Rotation } from "./options.ts";
import { serviceFindings } from "./services.ts";
import type { OwnPassword } from "./stored-password.ts";

/** Everything that must be accepted; what is only worth knowing is printed. */
export async function look(db: Queryable, own: OwnPassword, asking: Asking, rotation: Rotation): Promise<Finding[]> {
  const { stack, deployed, watch } = rotation;
  const { user, stored, endsAt } = own;
  const password = stack.adminPassword;
  if (watch > 0) console.log(`Watching who logs in as ${user}. Nothing is changed yet; Ctrl-C ends it.`);
  const sessions = await during("", (progress) => watchSessions(db, user, watch, progress));
  const containers = await inContainers(stack, user);
  const notes = [
    ...(stored?.startsWith("md5")
      ? [`the former password is kept as md5, the new one as SCRAM-SHA-256, which clients of before 2017 do not know`]
      : []),
    ...(endsAt === undefined ? [] : [`the password of ${user} ends at ${endsAt} (VALID UNTIL), the new one too`]),
    ...(password === undefined
      ? ["the stack knows no password of the admin: no container can be searched for it"]
      : []),
    "not seen from here: files, cron jobs and tools of other machines, poolers, user mappings and subscriptions",
  ];
  console.log(notes.map((note) => `Note: ${note}.`).join("\n"));
  return [...serviceFindings(stack, deployed, password), ...sessions, ...containers, ...unasked(asking)];
}

async function inContainers({ dockerHost, adminPassword }: ConfiguredStack, user: string): Promise<Finding[]> {
  try {
    const found = await during("", (progress) =>
      readEnvironments(dockerHost, (done, of) => progress(`looking at the containers: ${done} of ${of}`)),
    );
    if (found.secrets.length > 0) {
      console.log(`Note: Docker shows nobody what its secrets hold: ${found.secrets.join(", ")}.`);
    }
    return holders(found, user, adminPassword);
  } catch (error) {
    const afterwards = "a container that holds this password fails from its next login on";
    return [{ name: "docker", found: `no container could be looked at: ${(error as Error).message}`, afterwards }];
  }
}

function unasked(asking: Asking): Finding[] {
  if ("address" in asking) return [];
  const afterwards = "the new password is set without a login that proves it";
  return [{ name: "login", found: `nowhere a password is asked for: ${asking.reasons.join("; ")}`, afterwards }];
}

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
