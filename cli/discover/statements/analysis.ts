import { parseObjectName, unquoted } from "../../../model/object-name.ts";
import type { Activity } from "../activity.ts";
import { type DatabaseEstate, managedSchemas } from "../estate.ts";
import type { Evidence, Need, Statement, Watch } from "../evidence.ts";
import type { SeenService } from "../services.ts";
import { evidenceOf, type Seen } from "./evidence-of.ts";
import type { NamesInDatabase } from "./names-in-database.ts";
import { needOf } from "./need-of.ts";
import { Resolver } from "./resolve.ts";

/** What is known about one database. */
export interface AnalysedDatabase {
  estate: DatabaseEstate;
  names: NamesInDatabase;
  /** Undefined: its beginning was not seen. */
  activity: Activity | undefined;
  services: AnalysedService[];
  /** Whether other clients than its services were connected. */
  hasOthers: boolean;
  /** Whether the log has every statement, also a short one. */
  sawEverything: boolean;
  /** track_activity_query_size. */
  querySize: number;
  now: Date;
}

export interface AnalysedService {
  service: SeenService;
  statements: Statement[];
  watch: Watch;
}

/** What the services of one database do and need, by service. */
export interface Analysis {
  evidence: Map<string, Evidence>;
  /** Without services of which nothing was seen. */
  needs: Map<string, Need>;
  /** What happened that no statement explains. */
  notes: string[];
}

export async function analyse(database: AnalysedDatabase): Promise<Analysis> {
  const { estate, names, services, sawEverything, querySize, now } = database;
  const resolver = new Resolver(names);
  const seen = new Map<string, Seen>();
  for (const { service, statements } of services) {
    seen.set(service.name, await evidenceOf(estate.name, statements, resolver, querySize));
  }
  const schemas = managedSchemas(estate);
  const unexplained = unexplainedWrites(database, [...seen.values()], schemas);
  const changes = unexplainedChanges(database, [...seen.values()]);
  const ledgers = estate.ledgers.flatMap(({ key, isSuperusers }) => (isSuperusers ? plainName(key) : []));
  const isAlone = services.length === 1 && !database.hasOthers;
  const needs = services.flatMap(({ service: { name }, watch }) => {
    const { evidence } = seen.get(name) as Seen;
    const facts = { names, schemas, ledgers, watch, sawEverything, unexplained, changes: isAlone ? changes : [], now };
    const need = needOf(evidence, facts);
    return need ? [[name, need] as const] : [];
  });
  return {
    evidence: new Map([...seen].map(([name, { evidence }]) => [name, evidence])),
    needs: new Map(needs),
    notes: [
      ...(unexplained.length > 0
        ? [
            `${estate.name}: ${listOf(unexplained)} written during the watch by no statement of a service that was seen.`,
          ]
        : []),
      ...(changes.length > 0 && !isAlone
        ? [`${estate.name}: ${changes.slice(0, 5).join(", ")}, by no statement of a service that was seen.`]
        : []),
    ],
  };
}

function plainName(key: string): string[] {
  const parsed = parseObjectName(key);
  return parsed ? [`${parsed.schema}.${unquoted(parsed.rest)}`] : [];
}

/** Tables in the schemas that were written by none of the statements. */
function unexplainedWrites({ activity, names }: AnalysedDatabase, seen: Seen[], schemas: string[]): string[] {
  const tables = (activity?.writes ?? []).flatMap((each) => (schemas.includes(each.schema) ? each.tables : []));
  const roots = tables.flatMap((table) => {
    const parsed = parseObjectName(table);
    const found = parsed && names.relation({ schema: parsed.schema, name: unquoted(parsed.rest) }, []);
    return found ? [names.rootOf(found.object)] : [];
  });
  const left = roots.filter(({ id }) => !seen.some(({ written }) => written.has(id)));
  return [...new Set(left.map(({ schema, name }) => `${schema}.${name}`))].toSorted();
}

/** Changes of the catalog, if no statement was seen that changes it. */
function unexplainedChanges({ activity }: AnalysedDatabase, seen: Seen[]): string[] {
  if (seen.some(({ evidence }) => evidence.ddl.length > 0)) return [];
  return (activity?.changed ?? []).map(({ name, what }) => `${name} was ${what}`);
}

function listOf(names: string[]): string {
  const shown = names.slice(0, 5);
  const more = names.length > shown.length ? ` and ${names.length - shown.length} more` : "";
  return `${shown.join(", ")}${more} ${names.length === 1 ? "was" : "were"}`;
}
