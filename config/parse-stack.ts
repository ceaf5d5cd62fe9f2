import { defaultCeiling } from "../model/budget.ts";
import { completePool } from "../model/pool.ts";
import { defaultGate } from "../model/runtime.ts";
import { completeServer } from "../model/server.ts";
import type { Service, Stack } from "../model/stack.ts";
import { type FileProblem, sectionProblems } from "./checks/index.ts";
import { ConfigError, type Problem } from "./config-error.ts";
import { type Entry, readSections, type Sections } from "./sections.ts";

/**
 * The stack that a configuration declares: the keys of the namespace `app-roles`, without it, to values or, as Pulumi passes
 * objects to a program, their JSON. Throws ConfigError with all problems.
 *
 * @param serviceOrder services in cutover order, because Pulumi sorts the keys of an object; others come last
 * @param fileProblem checks the file of `server.sslrootcert`; by default it is not checked
 */
export function parseStack(
  config: Record<string, unknown>,
  serviceOrder: readonly string[] = [],
  fileProblem: FileProblem = () => undefined,
): Stack {
  const problems: Problem[] = [];
  const given = fromJson(config);
  if (objectSections.every((section) => given[section] === undefined)) {
    const message =
      "the stack has no key of the namespace app-roles: start from Pulumi.prod.yaml of app-roles (docs/config.md explains every key). " +
      "The commands of app-roles need these keys in a program of your own too: create its stack with new AppRolesStack(await readStack())";
    throw new ConfigError([{ path: "app-roles", message }]);
  }
  const sections = readSections(given, problems);
  problems.push(...sectionProblems(sections, fileProblem));
  const { server } = sections;
  if (problems.length > 0 || !server) throw new ConfigError(problems);
  return {
    server: completeServer(server),
    adminPassword: sections.adminPassword,
    pendingAdminPassword: sections.pendingAdminPassword,
    ceiling: sections.ceiling ?? defaultCeiling,
    rehearse: sections.rehearse ?? false,
    databases: Object.fromEntries(mapped(sections.databases, ({ owner, ...database }) => ({ ...database, owner }))),
    roles: Object.fromEntries(
      mapped(sections.roles, (role) => ({
        ...role,
        settings: { ...sections.defaults?.settings, ...role.settings },
      })),
    ),
    existingRoles: Object.fromEntries(sections.existingRoles.valid),
    services: inOrder(
      mapped(sections.services, completeService).map(([, service]) => service),
      serviceOrder,
    ),
    serviceSecrets: Object.fromEntries(mapped(sections.serviceSecrets, ({ legacyUrl, env }) => ({ legacyUrl, env }))),
    maxCutoversPerUp: sections.maxCutoversPerUp ?? 1,
    migrationComplete: sections.migrationComplete ?? false,
    rollbackKit: sections.rollbackKit,
  };
}

function completeService(service: Entry<"services">, name: string): Service {
  const pool = completePool(service);
  return { name, ...service, pool, urlFrom: service.urlFrom ?? "env", gate: service.gate ?? defaultGate };
}

function mapped<T, U>({ valid }: { valid: Map<string, T> }, to: (entry: T, name: string) => U): [string, U][] {
  return [...valid].map(([name, entry]) => [name, to(entry, name)]);
}

function inOrder(services: Service[], order: readonly string[]): Service[] {
  const rank = ({ name }: Service) => (order.includes(name) ? order.indexOf(name) : order.length);
  return services.toSorted((a, b) => rank(a) - rank(b));
}

const objectSections: readonly (keyof Sections)[] = [
  "server",
  "defaults",
  "databases",
  "roles",
  "existingRoles",
  "services",
  "serviceSecrets",
];

function fromJson(config: Record<string, unknown>): Record<string, unknown> {
  const parsed = { ...config };
  for (const key of objectSections) {
    const text = parsed[key];
    if (typeof text !== "string") continue;
    try {
      parsed[key] = JSON.parse(text);
    } catch {
      // The schema refuses a text here, and hides a secret one.
    }
  }
  return parsed;
}
