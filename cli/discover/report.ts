import { styleText } from "node:util";
import { table } from "../terminal/screen.ts";
import { visible } from "../terminal/visible.ts";
import type { Discovery } from "./discovery.ts";
import { evidenceLine, type Need, type Use } from "./evidence.ts";
import type { Decision, Proposal } from "./proposed/config.ts";
import type { OtherClients, SeenService } from "./services.ts";

export interface ReportOptions {
  verbose?: boolean | undefined;
  /** Only the verdict. */
  quiet?: boolean | undefined;
}

/** The discovery for people: the verdict, the services, what is left to decide. */
export function discoveryReport(discovery: Discovery, proposal: Proposal, { verbose, quiet }: ReportOptions): string {
  const lines = quiet
    ? [verdict(discovery, proposal)]
    : [
        verdict(discovery, proposal),
        basis(discovery),
        ...serviceLines(proposal),
        ...decisionLines(proposal),
        ...otherLines(discovery),
        ...noteLines(discovery),
        ...(verbose ? detailLines(discovery, proposal) : []),
      ];
  const [first = "", ...rest] = lines.map(visible);
  // styleText respects NO_COLOR and a standard output that is not a terminal.
  return [styleText("bold", first, { stream: process.stdout }), ...rest].join("\n");
}

/** `6 services log in as a superuser; their limits fit: 95 of 95; 4 decisions are left`. */
function verdict({ incomplete }: Discovery, { services, left, plan, decisions }: Proposal): string {
  const count = services.length + left.length;
  const who =
    count === 0
      ? "no service logs in as a superuser"
      : `${count} ${count === 1 ? "service logs" : "services log"} in as a superuser`;
  const sum = plan
    ? `; all limits add up to ${plan.total} of ${plan.ceiling}`
    : "; the existing limits leave no room for them";
  const decide = decisions.length > 0 ? `; ${counted(decisions.length, "decision")} left` : "";
  const verdict = `${who}${count > 0 ? sum : ""}${decide}${incomplete === undefined ? "" : `; incomplete: ${incomplete}`}`;
  return verdict.charAt(0).toUpperCase() + verdict.slice(1);
}

function basis({ address, server, watch, log }: Discovery): string {
  const { slots } = server;
  const reserved = slots.superuserReserved + slots.reserved;
  const seconds = Math.round(((watch.last?.getTime() ?? 0) - (watch.first?.getTime() ?? 0)) / 1000);
  const time = watch.looks === 1 ? "one look" : seconds < 120 ? `${seconds}s` : `${Math.round(seconds / 60)}min`;
  const statements = watch.statements.reduce((sum, each) => sum + each.count, 0);
  const logged = log
    ? ` and a log of ${counted(
        log.statements.reduce((sum, each) => sum + each.count, 0),
        "statement",
      )}`
    : "";
  const standby = server.isStandby ? ", a standby" : "";
  return `PostgreSQL ${server.version} at ${address.host}:${address.port}${standby}: ${slots.used} of ${slots.max} connections in use (${reserved} reserved). Seen in ${time}: ${counted(statements, "statement")}${logged}.`;
}

function serviceLines({ services, left }: Proposal): string[] {
  if (services.length + left.length === 0) return [];
  const rows = services.map(({ seen, need }) => [...cells(seen), access(need), migrates(need)]);
  const unmanaged = left.map((seen) => [...cells(seen), "-", "-"]);
  const header = ["service", "sessions", "busy", "superuser", "database", "access", "migrates"];
  return ["", ...table([header, ...rows, ...unmanaged]).split("\n")];
}

function cells({
  name,
  user,
  sessions,
  busyPerReplica,
  replicas,
  idleShare,
  database,
}: SeenService): (string | number)[] {
  return [name, sessions, idleShare === undefined ? "unknown" : busyPerReplica * replicas, user, database];
}

/** The first reason decides; the others support it. */
function access({ access, reasons }: Need): string {
  const isLikely = reasons.find(({ subject }) => subject === "access")?.certainty === "likely";
  return isLikely ? `${access}, likely` : access;
}

function migrates({ migrates }: Need): string {
  return migrates === "unconfirmed" ? "unconfirmed" : migrates ? "yes" : "no";
}

/** Decisions with the same text on one line. */
function decisionLines({ decisions }: Proposal): string[] {
  if (decisions.length === 0) return [];
  const groups = Map.groupBy(decisions, ({ text }) => text);
  const lines = [...groups.values()].flatMap((group) => {
    const [{ path, text, next }] = group as [Decision, ...Decision[]];
    const others = group.slice(1).map((each) => each.path[1]);
    const where = others.length === 0 ? path.join(".") : `${path.join(".")} (also ${others.join(", ")})`;
    return [`  ${where}: ${text}`, ...(next === undefined ? [] : [`    ${next}`])];
  });
  return ["", "Decide", ...lines];
}

function otherLines({ who }: Discovery): string[] {
  const { people, tools, replication, existing, onlyAddress, isPooler } = who;
  const others = [...existing].map(([role, sessions]) => `${role} (${sessions})`);
  const pooler = isPooler
    ? [
        "A pooler such as PgBouncer is in front of the server: the sessions seen are its own, not those of the services.",
      ]
    : onlyAddress !== undefined
      ? [
          `All services connect from ${onlyAddress === "local" ? "a Unix socket" : onlyAddress}: if a pooler such as PgBouncer is there, the sessions seen are its own.`,
        ]
      : [];
  const lines = [
    ...(others.length > 0 ? [`Sessions of roles that are no superusers: ${others.join(", ")}.`] : []),
    ...named("People", people),
    ...named("Tools", tools),
    ...named("Replication", replication),
    ...recurring([...people, ...tools]),
    ...pooler,
  ];
  return lines.length > 0 ? ["", ...lines] : [];
}

function named(what: string, clients: OtherClients[]): string[] {
  if (clients.length === 0) return [];
  const each = clients.map(
    ({ application, user, sessions }) => `${application} as ${user} (${sessions > 0 ? sessions : "in the log"})`,
  );
  return [`${what}, not services: ${[...new Set(each)].join(", ")}.`];
}

/** From how many times on a program can be one that a job runs. */
const often = 3;

function recurring(clients: OtherClients[]): string[] {
  const names = clients
    .filter(({ times }) => times >= often)
    .map(({ application, times }) => `${application} (${times} times)`);
  if (names.length === 0) return [];
  return [
    `Came back: ${names.join(", ")}. If a job runs it, name its sessions (PGAPPNAME=nightly_report) to have it proposed as a service.`,
  ];
}

function noteLines({ notes }: Discovery): string[] {
  return notes.length > 0 ? ["", ...notes.map((note) => `Note: ${note}`)] : [];
}

/** The most privileges of one service that are listed. */
const mostUses = 40;

function useLines(uses: Use[], { reasons }: Need, now: Date): string[] {
  const told = new Set(reasons.map(({ line }) => line));
  const lines = uses
    .map((use) => ({ use, line: evidenceLine(use, now) }))
    .filter(({ line }) => !told.has(line))
    .map(({ use, line }) => `  uses: ${line}${use.certainty === "likely" ? " (likely)" : ""}`);
  const more = lines.length - mostUses;
  return [...lines.slice(0, mostUses), ...(more > 0 ? [`  uses: ${counted(more, "further privilege")}`] : [])];
}

function detailLines({ activity, server, evidence, watch, estates }: Discovery, { services }: Proposal): string[] {
  const of = services.flatMap(({ seen, need, role }) => [
    "",
    `${seen.name}, as ${role}: ${describe(seen)}`,
    ...need.reasons
      .filter(({ subject }) => subject !== "unknown")
      .map(({ subject, line, certainty }) => `  ${subject}: ${line}${certainty === "likely" ? " (likely)" : ""}`),
    ...useLines(evidence.get(seen.name)?.uses ?? [], need, watch.last ?? new Date()),
    ...(evidence.get(seen.name)?.unknown ?? []).map(
      ({ reason, example, count }) => `  unknown: ${reason}, ${counted(count, "time")}: ${example}`,
    ),
    ...(evidence.get(seen.name)?.breaksPooling ?? []).map((each) => `  breaks transaction pooling: ${each}`),
  ]);
  const writes = [...activity].flatMap(([database, { writes, changed }]) => [
    ...writes.map(
      ({ schema, rows, tables }) => `  ${database}.${schema}: ${counted(rows, "row")} written in ${tables.join(", ")}`,
    ),
    ...changed.map(({ name, what }) => `  ${database}: ${name} was ${what}`),
  ]);
  const unwatched = estates
    .filter(({ name }) => !activity.has(name))
    .map(({ name }) => `  ${name}: not known, since it had no session when the watch began`);
  const superusers = server.roles.filter(({ superuser }) => superuser).map(({ role }) => role);
  return [
    ...of,
    "",
    "During the watch",
    ...(writes.length + unwatched.length > 0
      ? [...writes, ...unwatched]
      : ["  nothing was written and no object changed"]),
    "",
    `Superusers that can log in: ${superusers.join(", ")}.`,
  ];
}

function describe({ container, addresses, idleShare, replicas, perReplica, startedAt }: SeenService): string {
  const parts = [
    `${counted(replicas, "replica")} of ${counted(perReplica, "session")}`,
    idleShare === undefined ? "state unknown" : `${Math.round(idleShare * 100)}% idle`,
    `from ${addresses.join(", ") || "an unknown address"}`,
    ...(container
      ? [
          `container ${container.name} (${container.image}${container.program === "" ? "" : `, runs ${container.program}`})`,
          ...(container.urlKeys.length > 0 ? [`URL in ${container.urlKeys.map(({ name }) => name).join(", ")}`] : []),
        ]
      : []),
    ...(startedAt ? ["its start was seen"] : []),
  ];
  return parts.join(", ");
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
