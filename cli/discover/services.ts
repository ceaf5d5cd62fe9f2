import { isTelling, type Kind, kindOf, slugOf } from "./applications.ts";
import type { ContainerFacts } from "./containers.ts";
import type { Statement } from "./evidence.ts";
import { type Client, type ClientUse, clientOf, keyOf, type SessionWatch } from "./session-watch.ts";

/** What is proposed as a service: clients that log in as a superuser, are one program and use one database. */
export interface SeenService {
  /** Valid in the configuration and unique. */
  name: string;
  /** Why a person should choose another name; undefined: it is its own. */
  nameProblem: string | undefined;
  database: string;
  user: string;
  clients: ClientUse[];
  /** Families of application_name, sorted; without empty ones. */
  applications: string[];
  addresses: string[];
  container: ContainerFacts | undefined;
  /** The most sessions at one look; 0: only a log has it. */
  sessions: number;
  /** The most addresses at one look, at least 1. */
  replicas: number;
  /** The most sessions of one address at one look, and the most that were not idle. */
  perReplica: number;
  busyPerReplica: number;
  /** Share of sessions that were idle; undefined: no state was seen. */
  idleShare: number | undefined;
  /** The longest time that a session was idle in a transaction, in seconds. */
  idleInTransaction: number;
  /** When it started, if that was watched. */
  startedAt: Date | undefined;
}

/** Sessions that are not proposed as a service. */
export interface OtherClients {
  user: string;
  database: string;
  application: string;
  /** The most at one look; 0: only a log has it. */
  sessions: number;
  /** How often it got its first session during the watch. */
  times: number;
}

/** Who uses the server. */
export interface Who {
  services: SeenService[];
  /** Sessions of people and of tools for administration, as a superuser or not. */
  people: OtherClients[];
  tools: OtherClients[];
  replication: OtherClients[];
  /** Non-superuser login roles that have sessions, without people and tools: role to the most sessions at one look. */
  existing: Map<string, number>;
  /** The only address from which all services connect, if it can be a pooler's. */
  onlyAddress: string | undefined;
  /** Whether its name or its sessions' names are those of a pooler. */
  isPooler: boolean;
}

/** @param since the beginning of what is known: of the log or of the watch */
export function findWho(
  watch: SessionWatch,
  superusers: ReadonlySet<string>,
  containers: ContainerFacts[],
  since: Date | undefined,
): Who {
  const clients = watch.clients.toSorted((a, b) => (a.key < b.key ? -1 : 1));
  const ofKind = (kind: Kind) =>
    clients.filter((client) => !client.isReplication && kindOf(client.application) === kind);
  // An address alone in a log of days is no service: it can have been anyone's.
  const programs = ofKind("service").filter(
    ({ database, sessions, application, address }) =>
      database !== "" && (sessions > 0 || isTelling(application) || containers.some((each) => isAt(each, address))),
  );
  const groups = Map.groupBy(
    programs.filter(({ user }) => superusers.has(user)),
    (client) => JSON.stringify([client.database, client.user, identityOf(client, containers)]),
  );
  const services = named([...groups.values()].map((group) => serviceOf(group, watch, containers, since)));
  const existing = Map.groupBy(
    programs.filter(({ user }) => !superusers.has(user)),
    ({ user }) => user,
  );
  const other = (client: ClientUse) => otherOf(client, watch);
  const addresses = new Set(services.flatMap((service) => service.addresses));
  const pooled = clients.find(
    ({ application, address }) =>
      /pgbouncer|pgcat|odyssey|pgpool|supavisor/i.test(application) ||
      containers.some((each) => isAt(each, address) && /pgbouncer|pgcat|odyssey|pgpool|supavisor/i.test(each.image)),
  );
  return {
    services,
    people: ofKind("person").map(other),
    tools: ofKind("tool").map(other),
    replication: clients.filter(({ isReplication }) => isReplication).map(other),
    existing: new Map([...existing].map(([user, group]) => [user, watch.peakOf(new Set(group.map(({ key }) => key)))])),
    onlyAddress: addresses.size === 1 && services.length > 1 ? [...addresses][0] : undefined,
    isPooler: pooled !== undefined,
  };
}

/** Finds the service that sent a statement; a log need not name the address or application. */
export function attribution(services: SeenService[]): (statement: Statement) => SeenService | undefined {
  const byKey = new Map(services.flatMap((service) => service.clients.map(({ key }) => [key, service] as const)));
  return (statement) => {
    const client = clientOf(statement);
    const exact = byKey.get(keyOf(client));
    if (exact) return exact;
    const sameLogin = services.filter(({ database, user }) => database === client.database && user === client.user);
    const sameName = sameLogin.filter(({ clients }) =>
      clients.some(({ application }) => application === client.application),
    );
    const sameAddress = sameLogin.filter(({ addresses }) => addresses.includes(client.address ?? ""));
    const candidates = client.application !== "" ? sameName : client.address !== undefined ? sameAddress : sameLogin;
    return candidates.length === 1 ? candidates[0] : undefined;
  };
}

function identityOf({ application, address }: Client, containers: ContainerFacts[]): string {
  const container = containers.find((each) => isAt(each, address));
  if (container) {
    const { compose, swarm, name } = container;
    return `container ${swarm ?? (compose ? `${compose.project} ${compose.service}` : name)}`;
  }
  return isTelling(application) ? `application ${application}` : `address ${address}`;
}

function isAt({ addresses }: ContainerFacts, address: string | undefined): boolean {
  return address !== undefined && addresses.includes(address);
}

function serviceOf(
  clients: ClientUse[],
  watch: SessionWatch,
  containers: ContainerFacts[],
  since: Date | undefined,
): SeenService {
  const [{ database, user }] = clients as [ClientUse, ...ClientUse[]];
  const keys = new Set(clients.map(({ key }) => key));
  const addresses = [...new Set(clients.flatMap(({ address }) => address ?? []))].toSorted();
  const applications = [...new Set(clients.map(({ application }) => application))].filter(isTelling).toSorted();
  const container = containers.find((each) => addresses.some((address) => isAt(each, address)));
  // The applications of one address are one replica.
  const replicas = [...Map.groupBy(clients, ({ address }) => address ?? "").values()].map(
    (group) => new Set(group.map(({ key }) => key)),
  );
  const perReplica = Math.max(...replicas.map((each) => watch.peakOf(each)));
  const busy = Math.max(
    ...replicas.map((each) =>
      clients.filter(({ key }) => each.has(key)).reduce((total, client) => total + client.busy, 0),
    ),
  );
  const stateLooks = clients.reduce((total, client) => total + client.stateLooks, 0);
  const idleLooks = clients.reduce((total, client) => total + client.idleLooks, 0);
  const name = slugOf(container?.swarm ?? container?.compose?.service ?? container?.name ?? applications[0] ?? "");
  return {
    name: name ?? slugOf(`client_${addresses[0] ?? database}`) ?? "client",
    nameProblem:
      name === undefined
        ? `its sessions have no application_name that tells it from others${addresses[0] === undefined ? "" : `; address ${addresses.join(", ")}`}`
        : undefined,
    database,
    user,
    clients,
    applications,
    addresses,
    container,
    sessions: watch.peakOf(keys),
    replicas: Math.max(1, replicas.length === 1 ? 1 : atOnce(replicas, watch)),
    perReplica,
    busyPerReplica: Math.min(busy, perReplica),
    idleShare: stateLooks === 0 ? undefined : idleLooks / stateLooks,
    idleInTransaction: Math.max(...clients.map((client) => client.idleInTransaction)),
    startedAt: startOf(replicas, addresses, watch, containers, since),
  };
}

/** The last start of a replica that was watched. Replicas start alike, so one of them tells. */
function startOf(
  replicas: Set<string>[],
  addresses: string[],
  watch: SessionWatch,
  containers: ContainerFacts[],
  since: Date | undefined,
): Date | undefined {
  const own = containers.filter((each) => addresses.some((address) => isAt(each, address)));
  // Docker knows when a container started; sessions only tell when it connected.
  const starts =
    own.length > 0
      ? own.map(({ startedAt }) => startedAt).filter((at) => since !== undefined && at > since)
      : replicas.flatMap((keys) => watch.startOf(keys) ?? []);
  return starts.toSorted((a, b) => a.getTime() - b.getTime()).at(-1);
}

function atOnce(replicas: Set<string>[], watch: SessionWatch): number {
  const first = new Set(replicas.map((keys) => [...keys][0] as string));
  return watch.clientsAtOnce(first);
}

function otherOf({ key, user, database, application, sessions }: ClientUse, watch: SessionWatch): OtherClients {
  const name = application === "" ? "unnamed" : application;
  return { user, database, application: name, sessions, times: watch.timesOf(key) };
}

/** Names made unique: with the database, then with the login, then with a number. */
function named(services: SeenService[]): SeenService[] {
  const taken = new Set<string>();
  const isShared = (name: string) => services.filter((each) => each.name === name).length > 1;
  return services
    .map((service) => ({
      ...service,
      name: isShared(service.name) ? (slugOf(`${service.name}_${service.database}`) ?? service.name) : service.name,
    }))
    .toSorted((a, b) => compare([a.name, a.database, a.user], [b.name, b.database, b.user]))
    .map((service) => {
      let name = service.name;
      for (let n = 2; taken.has(name); n++) name = `${service.name}_${n}`;
      taken.add(name);
      return { ...service, name };
    });
}

function compare(a: string[], b: string[]): number {
  const index = a.findIndex((each, i) => each !== b[i]);
  if (index < 0) return 0;
  return (a[index] as string) < (b[index] as string) ? -1 : 1;
}
