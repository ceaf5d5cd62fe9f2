import type { Queryable, Server } from "../../provider/postgres/connection.ts";
import { isMissingDatabase } from "../../provider/postgres/databases.ts";
import { isLostConnection } from "../postgres/lost-connection.ts";
import { type ActivitySnapshot, activityBetween, readActivity } from "./activity.ts";
import { type ContainerFacts, readContainers } from "./containers.ts";
import { type DatabaseEstate, readEstate } from "./estate.ts";
import type { Evidence, LogRead, Watch } from "./evidence.ts";
import { readLogs } from "./log/read-logs.ts";
import { unknownNames } from "./log/unknown-names.ts";
import type { Findings } from "./proposed/config.ts";
import { type SeenStatements, seenStatements } from "./seen-statements.ts";
import { readServerFacts, type ServerFacts } from "./server-facts.ts";
import { findWho, type SeenService } from "./services.ts";
import { clientOf, SessionWatch } from "./session-watch.ts";
import { type Analysis, analyse } from "./statements/analysis.ts";
import type { NamesInDatabase } from "./statements/names-in-database.ts";
import { shapeOf } from "./statements/normalize.ts";
import { readNames } from "./statements/read-names.ts";
import { watchSessions } from "./watch.ts";

/** What one discovery found out. */
export interface Discovery extends Findings {
  watch: SessionWatch;
  evidence: Map<string, Evidence>;
  /** Undefined: no log was given. */
  log: LogRead | undefined;
  /** What could not be seen, or what makes it less certain. */
  notes: string[];
  /** Why the discovery did not reach its end; undefined: it did. */
  incomplete: string | undefined;
}

export interface DiscoveryOptions {
  /** Milliseconds; 0: one look. */
  watch: number;
  log?: string[] | undefined;
  docker?: boolean | undefined;
  /** Default: DOCKER_HOST, else the local socket. */
  dockerHost?: string | undefined;
}

/**
 * Watches the server and reads its catalog, one connection at a time. Ends early on the signal. If the server goes away, what was
 * seen is kept, and `incomplete` says so; throws if nothing was seen.
 */
export async function makeDiscovery(
  server: Server,
  options: DiscoveryOptions,
  signal: AbortSignal,
  progress: (message: string) => void,
): Promise<Discovery> {
  const facts = await server.session(undefined, readServerFacts);
  const containers = options.docker ? await readContainers(options.dockerHost) : [];
  const before = await readDatabases(server, signal, progress);
  const watch = new SessionWatch(shapeOf);
  await watchSessions(server, watch, {
    time: options.watch,
    signal,
    seen: (left) => progress(`watching the sessions: ${Math.ceil(left / 1000)}s left; Ctrl-C ends the watch`),
    missed: (error) => progress(`no answer: ${error.message}`),
  });
  const log = await readLog(options, facts, progress);
  for (const statement of log?.statements ?? []) watch.addLogged(clientOf(statement), statement.at);
  const all = options.docker ? merged(containers, await readContainers(options.dockerHost)) : [];
  const superusers = new Set(facts.roles.filter(({ superuser }) => superuser).map(({ role }) => role));
  const who = findWho(watch, superusers, all, watchedSince(facts, watch, log));
  const statements = seenStatements(who.services, watch.statements, log, superusers, facts.querySize);
  let incomplete: string | undefined;
  let after = before;
  try {
    after = await readDatabases(server, undefined, progress);
  } catch (error) {
    if (!isLostConnection(error)) throw error;
    incomplete = `the server went away: ${(error as Error).message}`;
  }
  const activity = new Map(
    [...after].flatMap(([name, read]) => {
      const earlier = before.get(name);
      return earlier && earlier !== read ? [[name, activityBetween(earlier.activity, read.activity)]] : [];
    }),
  );
  const analyses: Analysis[] = [];
  for (const [name, { estate, names }] of after) {
    progress(`reading the statements of ${name}`);
    const services = who.services.filter(({ database }) => database === name);
    const keys = new Set(services.flatMap(({ clients }) => clients.map(({ key }) => key)));
    analyses.push(
      await analyse({
        estate,
        names,
        // Statistics arrive some seconds late, so one look sees the writes of those before it.
        activity: watch.looks > 1 ? activity.get(name) : undefined,
        services: services.map((service) => ({
          service,
          statements: statements.of.get(service.name) ?? [],
          watch: watchOf(service, facts, log, statements),
        })),
        hasOthers: watch.clients.some(({ key, database }) => database === name && !keys.has(key)),
        sawEverything: facts.logsAll && isWhole(log) && log.hasStatements && !statements.unattributedIn.has(name),
        querySize: facts.querySize,
        now: new Date(),
      }),
    );
  }
  const inUse = new Set(who.services.map(({ database }) => database));
  return {
    address: server.address,
    server: facts,
    serverContainer: all.find(({ addresses }) => addresses.includes(facts.address ?? ""))?.name,
    who,
    estates: [...after.values()].map(({ estate }) => estate).filter(({ name }) => inUse.has(name)),
    needs: new Map(analyses.flatMap(({ needs }) => [...needs])),
    evidence: new Map(analyses.flatMap(({ evidence }) => [...evidence])),
    activity,
    watch,
    log,
    notes: [
      ...notesOf(facts, watch, options),
      ...(log?.problems ?? []),
      ...(statements.unattributed > 0
        ? [
            `${statements.unattributed} logged statements could be those of several services: add %a and %h to log_line_prefix.`,
          ]
        : []),
      ...analyses.flatMap(({ notes }) => notes),
    ],
    incomplete,
  };
}

/** Undefined: none was given. */
async function readLog(
  { log: files }: DiscoveryOptions,
  { linePrefix, logTimeZone, databaseNames, roleNames }: ServerFacts,
  progress: (message: string) => void,
): Promise<LogRead | undefined> {
  if (files === undefined || files.length === 0) return undefined;
  const log = await readLogs(files, {
    linePrefix,
    timeZone: logTimeZone,
    progress: (file, bytes) => progress(`reading ${file}: ${Math.round(bytes / 1_000_000)} MB`),
  });
  return { ...log, problems: [...log.problems, ...unknownNames(log.statements, databaseNames, roleNames)] };
}

/** Whether all of the log was read: without a problem, and with statements, which a log in another format or language has not. */
function isWhole(log: LogRead | undefined): log is LogRead {
  return log !== undefined && log.problems.length === 0 && log.statements.length > 0;
}

/** Whether the log has every DDL statement of the server. */
function logsDdl({ logsDdl }: ServerFacts, log: LogRead | undefined): boolean {
  return isWhole(log) && (logsDdl || log.hasStatements);
}

/** Since when a start of a service was watched: with DDL in the log since its beginning, but not before it was configured. */
function watchedSince(facts: ServerFacts, watch: SessionWatch, log: LogRead | undefined): Date | undefined {
  if (!log?.first || !logsDdl(facts, log) || !facts.logsDdl) return watch.first;
  const since = new Date(Math.max(log.first.getTime(), facts.configuredAt.getTime()));
  return watch.first && since > watch.first ? watch.first : since;
}

/** Whether the log has every DDL statement of the service, and its start. */
function watchOf(
  { database, startedAt }: SeenService,
  facts: ServerFacts,
  log: LogRead | undefined,
  { unattributedIn }: SeenStatements,
): Watch {
  // A log that ends before the start, such as an old one, does not have it.
  const reachesStart = log?.last !== undefined && startedAt !== undefined && log.last >= startedAt;
  return {
    isComplete: logsDdl(facts, log) && reachesStart && !unattributedIn.has(database),
    sawStart: startedAt !== undefined,
  };
}

interface ReadDatabase {
  estate: DatabaseEstate;
  names: NamesInDatabase;
  activity: ActivitySnapshot;
}

/** The databases that have sessions, by name, sorted. */
async function readDatabases(
  server: Server,
  signal: AbortSignal | undefined,
  progress: (message: string) => void,
): Promise<Map<string, ReadDatabase>> {
  const names = await server.anySession(databasesInUse);
  const read = new Map<string, ReadDatabase>();
  for (const name of names) {
    if (signal?.aborted) break;
    progress(`reading the database ${name}`);
    try {
      const found = await server.session(name, async (db) => ({
        estate: await readEstate(db, name),
        names: await readNames(db),
        activity: await readActivity(db),
      }));
      read.set(name, found);
    } catch (error) {
      // Dropped meanwhile.
      if (!isMissingDatabase(error)) throw error;
    }
  }
  return read;
}

async function databasesInUse(db: Queryable): Promise<string[]> {
  const { rows } = await db.query<{ name: string }>(
    `SELECT DISTINCT d.datname AS name FROM pg_stat_activity a JOIN pg_database d ON d.oid = a.datid
     WHERE a.pid <> pg_backend_pid() AND d.datallowconn AND has_database_privilege(d.oid, 'CONNECT') ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

/** By name, with the addresses of both looks: a container that was started again can have another. */
function merged(before: ContainerFacts[], after: ContainerFacts[]): ContainerFacts[] {
  const gone = before.filter(({ name }) => !after.some((each) => each.name === name));
  const kept = after.map((each) => {
    const earlier = before.find(({ name }) => name === each.name)?.addresses ?? [];
    return { ...each, addresses: [...new Set([...each.addresses, ...earlier])] };
  });
  return [...kept, ...gone].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function notesOf(facts: ServerFacts, watch: SessionWatch, { watch: time }: DiscoveryOptions): string[] {
  const { user, seesSessions, isStandby, tracksActivities } = facts;
  const notes: string[] = [];
  if (!seesSessions) {
    notes.push(
      `${user} is neither a superuser nor a member of pg_monitor, so it sees no address, state or statement of other roles: GRANT pg_monitor TO ${user}.`,
    );
  }
  if (isStandby) {
    notes.push(
      "This is a standby: its sessions and statistics are its own, its services are those that read here, and DDL is that of the primary. Discover the primary too; the stack changes only the primary.",
    );
  }
  if (!tracksActivities) notes.push("track_activities is off: statements and states of sessions are not visible.");
  if (watch.missed > 0) notes.push(`${watch.missed} looks had no answer: sessions of that time were not seen.`);
  if (watch.dropped > 0) notes.push(`${watch.dropped} statements were not kept, since too many were different.`);
  if (time < 60_000)
    notes.push(
      "A short watch misses deploys and scheduled jobs: watch for longer (--watch 1h), through a start of each service.",
    );
  return notes;
}
