import { familyOf } from "./applications.ts";
import type { LogRead, Statement } from "./evidence.ts";
import type { SeenService } from "./services.ts";
import { attribution } from "./services.ts";
import { shapeOf } from "./statements/normalize.ts";

/** The statements of each service, by its name, and how many belong to none. */
export interface SeenStatements {
  of: Map<string, Statement[]>;
  /** Statements of a log that could be those of several services. */
  unattributed: number;
  /** The databases of these. */
  unattributedIn: Set<string>;
}

/** A statement that both a log and the sessions have is counted as the log has it. */
export function seenStatements(
  services: SeenService[],
  sampled: Statement[],
  log: LogRead | undefined,
  superusers: ReadonlySet<string>,
): SeenStatements {
  const serviceOf = attribution(services);
  const of = new Map<string, Statement[]>(services.map(({ name }) => [name, []]));
  const logged = new Set<string>();
  let unattributed = 0;
  const unattributedIn = new Set<string>();
  for (const statement of log?.statements ?? []) {
    const service = serviceOf(statement);
    if (service) {
      of.get(service.name)?.push(statement);
      logged.add(JSON.stringify([service.name, shapeOf(statement.text)]));
    } else if (superusers.has(statement.user) && canBeOf(services, statement)) {
      unattributed += statement.count;
      unattributedIn.add(statement.database);
    }
  }
  for (const statement of sampled) {
    const service = serviceOf(statement);
    if (service && !logged.has(JSON.stringify([service.name, shapeOf(statement.text)]))) {
      of.get(service.name)?.push(statement);
    }
  }
  return { of, unattributed, unattributedIn };
}

/** Whether a service can have sent it: one that names its sessions like this, or any of its database if the log has no name. */
function canBeOf(services: SeenService[], { database, application = "" }: Statement): boolean {
  const family = familyOf(application);
  return services.some(
    (service) =>
      service.database === database &&
      (application === "" || service.clients.some((client) => client.application === family)),
  );
}
