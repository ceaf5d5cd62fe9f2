import { z } from "zod";
import type { InputsOf } from "../../contract.ts";
import { dockerClient } from "../../docker/client.ts";
import type { Server } from "../../postgres/connection.ts";
import { readIdleTimeout, readRoleSessions } from "../../postgres/sessions.ts";
import type { Reconciler } from "../../reconciler.ts";
import { handoverOf } from "../../rollback-kit/kept-script.ts";
import { Unknown } from "../../rpc/values.ts";
import { ServiceContainers } from "./containers.ts";
import { cutoverGateContract } from "./contract.ts";
import { IdleEnds, inWords, type Look, noSessions, passGate, sessionsInWords, Unhealthy } from "./gate.ts";
import { ServiceWatch } from "./service-watch.ts";

type Inputs = InputsOf<typeof cutoverGateContract>;

/**
 * Watches a service after each redeploy on its role: sessions of the role must appear, its containers must run, and their logs
 * must show no errors. A service on legacy passes immediately.
 */
export function cutoverGate(server: Server): Reconciler<typeof cutoverGateContract> {
  return {
    contract: cutoverGateContract,
    identity: ["service"],
    advisory: ["migrates", "labels", "deployedAt", "dockerHost", "gate"],
    id: ({ service }) => service,
    plan: async () => ({ changes: {} }),
    summarize: ({ service, connectAs, gate: { timeout, soak } }) =>
      connectAs === "role"
        ? `${service}: must be healthy within ${inWords(timeout)} and stay healthy for ${inWords(soak)}`
        : undefined,

    async apply(inputs, _olds, call) {
      if (inputs.connectAs === "legacy") return undefined;
      const { service, gate } = inputs;
      try {
        const { look, idleTimeout } = await lookAt(server, inputs, call.report.warn);
        const sessions = await passGate(service, gate, look, call);
        const unseen = idleTimeout > gate.soak ? unseenEnds(service, idleTimeout) : "";
        return `${service}: healthy as ${loginOf(inputs)} for ${inWords(gate.soak)}, ${sessionsInWords(sessions)}${unseen}`;
      } catch (error) {
        if (error instanceof Unhealthy) throw new Error(refusal(inputs, error));
        throw error;
      }
    },

    remove: async () => undefined,
  };
}

const watched = z.object(cutoverGateContract.inputs).pick({
  service: true,
  database: true,
  role: true,
  login: true,
  migrates: true,
  labels: true,
  deployedAt: true,
  dockerHost: true,
  gate: true,
});
export type WatchedService = z.infer<typeof watched>;

/** Reads a gate's service from the gate's inputs in a stack's state. */
export function readWatchedService(inputs: unknown): WatchedService {
  return watched.parse(inputs);
}

/** How to look at a service, and how long its sessions can be idle. */
export interface Watch {
  look: () => Promise<Look>;
  /** Milliseconds after which the server ends an idle session of the role; 0 for never. */
  idleTimeout: number;
}

/** Prepares looking at the service of a gate; `warn` receives what cannot be observed. */
export async function lookAt(server: Server, inputs: WatchedService, warn: (message: string) => void): Promise<Watch> {
  const { service, database, migrates, gate, deployedAt, dockerHost } = inputs;
  const login = loginOf(inputs);
  const sessions = () => server.anySession((db) => readRoleSessions(db, [login], database));
  const idleTimeout = await server.anySession((db) => readIdleTimeout(db, login, database));
  const idleEnds = new IdleEnds(idleTimeout);
  const labels = labelsOf(inputs);
  if (!labels) {
    // Where it runs is not known: count the role's sessions that began after the redeploy.
    const look = async (): Promise<Look> => {
      const age = typeof deployedAt === "number" ? (Date.now() - deployedAt) / 1000 : Number.POSITIVE_INFINITY;
      const own = (await sessions()).filter((session) => session.age <= age);
      idleEnds.see(own);
      const pending = own.length > 0 ? [] : [noSessions];
      return { sessions: own.length, pending, idleEnds: idleEnds.count, failure: undefined };
    };
    return { look, idleTimeout };
  }
  const containers = new ServiceContainers(dockerClient(dockerHost), labels);
  const warnOf = (message: string) => warn(`${service}: ${message}`);
  const watch = new ServiceWatch(containers, sessions, { migrates, ...gate }, warnOf, idleEnds);
  return { look: () => watch.look(), idleTimeout };
}

/** The gate looked for less time than a session can be idle. */
function unseenEnds(service: string, idleTimeout: number): string {
  const longer = inWords(idleTimeout + 300_000).replace(/ .*/, "");
  return (
    `. Sessions idle for ${inWords(idleTimeout)} are ended (idle_session_timeout); this gate was too short to check that the service ` +
    `opens new ones. To check it: npx app-roles cutover ${service} --watch ${longer}`
  );
}

function loginOf({ service, role, login = role }: Pick<WatchedService, "service" | "role" | "login">): string {
  if (typeof login !== "string") throw new Error(`${service}: its login role is not known`);
  return login;
}

function labelsOf({ service, labels }: WatchedService): Record<string, string> | undefined {
  if (labels === undefined) return undefined;
  const known = labels instanceof Unknown ? {} : labels;
  const entries = Object.entries(known).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  // Without labels every container of the host would match.
  if (entries.length === 0 || entries.length < Object.keys(known).length) {
    throw new Error(`${service}: the labels of its containers are not known`);
  }
  return Object.fromEntries(entries);
}

function refusal(inputs: Inputs, { failure, sessions }: Unhealthy): string {
  const { service, database } = inputs;
  return [
    `${service} is not healthy as ${loginOf(inputs)}: ${failure.reason}. It has ${sessionsInWords(sessions)} in ${database}. ` +
      "The services after it were not changed.",
    ...failure.lines.map((line) => `  | ${line}`),
    // A cutover that has the rollback script rolls the service back itself.
    ...(handoverOf(service) ? [] : [nextSteps(service)]),
  ].join("\n");
}

function nextSteps(service: string): string {
  return (
    `To roll back immediately: npx app-roles rollback ${service} (or set app-roles:services.${service}.connectAs: legacy and run up). Or fix it, ` +
    "restart it (its log is read from its start) and run up again: the gate runs until it passes."
  );
}
