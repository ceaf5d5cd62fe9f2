import { familyOf } from "./applications.ts";
import { isCutOff } from "./cut-off.ts";
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

/**
 * A statement that both a log and the sessions have is counted as the log has it.
 *
 * @param querySize track_activity_query_size
 */
export function seenStatements(
  services: SeenService[],
  sampled: Statement[],
  log: LogRead | undefined,
  superusers: ReadonlySet<string>,
  querySize: number,
): SeenStatements {
  const serviceOf = attribution(services);
  const of = new Map<string, Statement[]>(services.map(({ name }) => [name, []]));
  const logged = new Map<string, Set<string>>(services.map(({ name }) => [name, new Set()]));
  let unattributed = 0;
  const unattributedIn = new Set<string>();
  for (const statement of log?.statements ?? []) {
    const service = serviceOf(statement);
    if (service) {
      of.get(service.name)?.push(statement);
      logged.get(service.name)?.add(shapeOf(statement.text));
    } else if (superusers.has(statement.user) && canBeOf(services, statement)) {
      unattributed += statement.count;
      unattributedIn.add(statement.database);
    }
  }
  const beginnings = new Map([...logged].map(([name, shapes]) => [name, new Beginnings(shapes)]));
  for (const statement of sampled) {
    const service = serviceOf(statement);
    if (!service) continue;
    const shape = shapeOf(statement.text);
    const isLogged = isCutOff(statement, querySize)
      ? beginnings.get(service.name)?.has(shape.replace(cutList, ""))
      : logged.get(service.name)?.has(shape);
    if (!isLogged) of.get(service.name)?.push(statement);
  }
  return { of, unattributed, unattributedIn };
}

/** The last, incomplete item of a list, which is not in the shape of the whole statement. */
const cutList = /,\s*(?:\(\s*)?[?$]?\s*$/;

/** Finds the texts that begin in a certain way. */
class Beginnings {
  readonly #texts: Set<string>;
  #sorted: string[] | undefined;

  constructor(texts: Set<string>) {
    this.#texts = texts;
  }

  has(beginning: string): boolean {
    this.#sorted ??= [...this.#texts].sort();
    let low = 0;
    for (let high = this.#sorted.length; low < high; ) {
      const middle = (low + high) >> 1;
      if ((this.#sorted[middle] as string) < beginning) low = middle + 1;
      else high = middle;
    }
    return this.#sorted[low]?.startsWith(beginning) ?? false;
  }
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
