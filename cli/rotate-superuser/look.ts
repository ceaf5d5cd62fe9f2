import { setTimeout as sleep } from "node:timers/promises";
import { readEnvironments } from "../../provider/docker/environments.ts";
import type { Queryable } from "../../provider/postgres/connection.ts";
import { readUserSessions } from "../../provider/postgres/sessions.ts";
import type { ConfiguredStack } from "../pulumi/read-stack.ts";
import { during } from "../terminal/progress.ts";
import type { Options } from "./acceptance.ts";
import type { Finding } from "./finding.ts";
import { holders } from "./holders.ts";
import type { Asking } from "./login.ts";
import { type Deployed, serviceFindings } from "./services.ts";
import type { OwnPassword } from "./stored-password.ts";
import type { Vault } from "./vault.ts";

/** Input of a rotation. */
export interface Rotation extends Options {
  stack: ConfiguredStack;
  deployed: Deployed;
  vault: Vault;
}

/** The findings to accept; prints notes that need no acceptance. */
export async function look(db: Queryable, own: OwnPassword, asking: Asking, rotation: Rotation): Promise<Finding[]> {
  const { stack, deployed, watch } = rotation;
  const { user, stored, endsAt } = own;
  const password = stack.adminPassword;
  if (watch > 0) console.log(`Watching the sessions of ${user}. Nothing is changed yet; press Ctrl-C to cancel.`);
  const sessions = await during("", (progress) => watchSessions(db, user, watch, progress));
  const containers = await inContainers(stack, user);
  const notes = [
    ...(stored?.startsWith("md5")
      ? [
          `the previous password is stored as md5, the new one as SCRAM-SHA-256, which clients from before 2017 do not support`,
        ]
      : []),
    ...(endsAt === undefined
      ? []
      : [`the password of ${user} expires at ${endsAt} (VALID UNTIL), and so will the new one`]),
    ...(password === undefined ? ["the stack has no admin password: containers cannot be searched for it"] : []),
    "not checked: files, cron jobs and tools on other machines, poolers, user mappings and subscriptions",
  ];
  console.log(notes.map((note) => `Note: ${note}.`).join("\n"));
  return [...serviceFindings(stack, deployed, password), ...sessions, ...containers, ...loginFinding(asking)];
}

async function inContainers({ dockerHost, adminPassword }: ConfiguredStack, user: string): Promise<Finding[]> {
  try {
    const found = await during("", (progress) =>
      readEnvironments(dockerHost, (done, of) => progress(`inspecting the containers: ${done} of ${of}`)),
    );
    if (found.secrets.length > 0) {
      console.log(`Note: Docker does not reveal its secrets, so these were not checked: ${found.secrets.join(", ")}.`);
    }
    return holders(found, user, adminPassword);
  } catch (error) {
    const afterwards = "a container that holds this password fails at its next login";
    return [{ name: "docker", found: `no container could be inspected: ${(error as Error).message}`, afterwards }];
  }
}

function loginFinding(asking: Asking): Finding[] {
  if ("address" in asking) return [];
  const afterwards = "the new password is set without a test login";
  return [
    {
      name: "login",
      found: `the server asks for no password at any address: ${asking.reasons.join("; ")}`,
      afterwards,
    },
  ];
}

/** Milliseconds between two looks. */
const interval = 1000;

interface Seen {
  databases: Set<string>;
  most: number;
  first: Date;
  last: Date;
}

/** The sessions of the user, read every second for `time` milliseconds, at least once. */
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
    progress(`watching the sessions of ${user}: ${seen.size} found, ${Math.ceil(left / 1000)}s left`);
    await sleep(Math.min(interval, left));
  }
  return [...seen].map(([name, each]) => ({ name, found: inWords(each), afterwards: consequence }));
}

const consequence = "its open sessions continue; its next login with the previous password is refused";

function inWords({ databases, most, first, last }: Seen): string {
  const where = databases.size > 0 ? [...databases].toSorted().join(", ") : "replication";
  const count = `${most} ${most === 1 ? "session" : "sessions"}${first < last ? " at most" : ""}`;
  const when = first < last ? `seen from ${clock(first)} to ${clock(last)}` : `seen at ${clock(first)}`;
  return `${count} in ${where}, ${when}`;
}

function clock(time: Date): string {
  return time.toTimeString().slice(0, 8);
}
