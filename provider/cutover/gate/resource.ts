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
 * Watches a service after each redeploy on its role, as the runbook does by eye: sessions of the role appear, its containers
 * run, their log shows no refusal. A service on legacy waits for nothing.
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
        ? `${service}: must be well within ${inWords(timeout)}, and stay so for ${inWords(soak)}`
        : undefined,

    async apply(inputs, _olds, call) {
      if (inputs.connectAs === "legacy") return undefined;
      const { service, gate } = inputs;
      try {
        const { look, idleTimeout } = await lookAt(server, inputs, call.report.warn);
        const sessions = await passGate(service, gate, look, call);
        const unseen = idleTimeout > gate.soak ? unseenEnds(service, idleTimeout) : "";
        return `${service}: well as ${loginOf(inputs)} for ${inWords(gate.soak)}, ${sessionsInWords(sessions)}${unseen}`;
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

/** The service of a gate, from the gate's inputs as they stand in a stack's state. */
export function readWatchedService(inputs: unknown): WatchedService {
  return watched.parse(inputs);
}

/** How to look at a service, and how long its sessions may be idle. */
export interface Watch {
  look: () => Promise<Look>;
  /** Milliseconds after which the server ends an idle session of the role; 0: never. */
  idleTimeout: number;
}

/** What looks at the service of a gate once; `warn` is told what it cannot see. */
export async function lookAt(server: Server, inputs: WatchedService, warn: (message: string) => void): Promise<Watch> {
  const { service, database, migrates, gate, deployedAt, dockerHost } = inputs;
  const login = loginOf(inputs);
  const sessions = () => server.anySession((db) => readRoleSessions(db, [login], database));
  const idleTimeout = await server.anySession((db) => readIdleTimeout(db, login, database));
  const idleEnds = new IdleEnds(idleTimeout);
  const labels = labelsOf(inputs);
  if (!labels) {
    // Nobody knows where it runs: the role's sessions that began after the redeploy are all there is to see.
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
  const say = (message: string) => warn(`${service}: ${message}`);
  const watch = new ServiceWatch(containers, sessions, { migrates, ...gate }, say, idleEnds);
  return { look: () => watch.look(), idleTimeout };
}

/** The gate has looked for a shorter time than a session may be idle. */
function unseenEnds(service: string, idleTimeout: number): string {
  const longer = inWords(idleTimeout + 300_000).replace(/ .*/, "");
  return (
    `. Sessions that are idle for ${inWords(idleTimeout)} are ended (idle_session_timeout): whether it opens new ones then, ` +
    `this gate was too short to see; npx app-roles cutover ${service} --watch ${longer} sees it`
  );
}

function loginOf({ service, role, login = role }: Pick<WatchedService, "service" | "role" | "login">): string {
  if (typeof login !== "string") throw new Error(`${service}: who it logs in as is not known`);
  return login;
}

function labelsOf({ service, labels }: WatchedService): Record<string, string> | undefined {
  if (labels === undefined) return undefined;
  const known = labels instanceof Unknown ? {} : labels;
  const entries = Object.entries(known).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  // Without a label every container of the host would be taken for one of the service's.
  if (entries.length === 0 || entries.length < Object.keys(known).length) {
    throw new Error(`${service}: the labels of its containers are not known`);
  }
  return Object.fromEntries(entries);
}

function refusal(inputs: Inputs, { failure, sessions }: Unhealthy): string {
  const { service, database } = inputs;
  return [
    `${service} is not well as ${loginOf(inputs)}: ${failure.reason}. It has ${sessionsInWords(sessions)} in ${database}. ` +
      "The services after it were not touched.",
    ...failure.lines.map((line) => `  | ${line}`),
    // A cutover that has the service's way back at hand takes it at once, and says so itself.
    ...(handoverOf(service) ? [] : [nextSteps(service)]),
  ].join("\n");
}

function nextSteps(service: string): string {
  return (
    `Back at once: npx app-roles rollback ${service} (or app-roles:services.${service}.connectAs: legacy, and up). Or fix it, ` +
    "restart it (its log counts from its start) and run up again: the gate is run again until it is passed."
  );
}
