import { describe, expect, test } from "vitest";
import type { ContainerFacts } from "../../../cli/discover/containers.ts";
import { attribution, findWho } from "../../../cli/discover/services.ts";
import type { Look, Session } from "../../../cli/discover/session-sampler.ts";
import { clientOf, SessionWatch } from "../../../cli/discover/session-watch.ts";

let pid = 0;
const session = (application: string, more: Partial<Session> = {}): Session => ({
  id: String(++pid),
  pid,
  database: "shop",
  user: "postgres",
  application,
  address: "10.0.0.1",
  isReplication: false,
  state: "idle",
  idleInTransaction: 0,
  ...more,
});
const watchOf = (...looks: Session[][]) => {
  const watch = new SessionWatch((sql) => sql);
  for (const sessions of looks) watch.add({ sessions, statements: [] } satisfies Look);
  return watch;
};
const superusers = new Set(["postgres"]);
const who = (watch: SessionWatch, containers: ContainerFacts[] = []) =>
  findWho(watch, superusers, containers, undefined);
const container = (name: string, address: string, more: Partial<ContainerFacts> = {}): ContainerFacts => ({
  name,
  image: "shop:1",
  program: "",
  addresses: [address],
  startedAt: new Date(0),
  urlKeys: [],
  compose: undefined,
  swarm: undefined,
  ...more,
});

describe("services", () => {
  test("replicas are addresses, pools are sessions of one of them", () => {
    const found = who(
      watchOf(
        [session("api"), session("api"), session("api", { state: "active" })],
        [session("api"), session("api", { address: "10.0.0.2" }), session("api", { address: "10.0.0.2" })],
      ),
    );
    expect(found.services).toMatchObject([
      { name: "api", sessions: 3, perReplica: 3, replicas: 2, busyPerReplica: 1, user: "postgres" },
    ]);
    expect(found.services[0]?.idleShare).toBeCloseTo(5 / 6);
  });

  test("workers of one program are one service, other databases are another", () => {
    const found = who(
      watchOf([
        session("puma: cluster worker 0: 7 [shop]"),
        session("puma: cluster worker 1: 8 [shop]"),
        session("puma: cluster worker 1: 8 [shop]", { database: "audit" }),
      ]),
    );
    expect(found.services.map(({ name, sessions }) => [name, sessions])).toEqual([
      ["puma_cluster_worker_shop_audit", 1],
      ["puma_cluster_worker_shop_shop", 2],
    ]);
  });

  test("without a telling application_name the address or the container tells them apart", () => {
    const watch = watchOf([session(""), session("pgx", { address: "10.0.0.2" })]);
    expect(who(watch).services).toMatchObject([
      { name: "client_10.0.0.1", nameProblem: expect.stringContaining("application_name") },
      { name: "client_10.0.0.2" },
    ]);
    const containers = [
      container("shop_api_1", "10.0.0.1", { compose: { project: "shop", service: "api", files: [] } }),
      container("shop_job", "10.0.0.2"),
    ];
    expect(who(watch, containers).services).toMatchObject([
      { name: "api", nameProblem: undefined },
      { name: "shop_job", nameProblem: undefined },
    ]);
  });

  test("people, tools, replication and roles of their own are not services", () => {
    const found = who(
      watchOf([
        session("psql"),
        session("pg_dump"),
        session("app-roles discover"),
        session("walreceiver", { database: "", isReplication: true }),
        session("grafana", { user: "grafana_ro" }),
        session("grafana", { user: "grafana_ro", address: "10.0.0.9" }),
      ]),
    );
    expect(found.services).toEqual([]);
    expect(found.people).toMatchObject([{ application: "psql", user: "postgres" }]);
    expect(found.tools).toMatchObject([{ application: "pg_dump" }]);
    expect(found.replication).toMatchObject([{ application: "walreceiver" }]);
    expect(found.existing).toEqual(new Map([["grafana_ro", 2]]));
  });

  test("how often a person or a tool came back is counted, app-roles is not named", () => {
    const watch = watchOf([session("psql")], [], [session("psql"), session("pgbench")], [session("psql")], []);
    watch.addLogged(clientOf(session("app-roles discover")), new Date(0));
    watch.addLogged(clientOf(session("pg_dump")), new Date(0));
    const { people, tools, services } = who(watch);
    expect(people).toMatchObject([{ application: "psql", times: 2 }]);
    expect(tools).toMatchObject([
      { application: "pg_dump", sessions: 0, times: 0 },
      { application: "pgbench", sessions: 1, times: 1 },
    ]);
    expect(services).toEqual([]);
  });

  test("one address for all can be a pooler", () => {
    const watch = watchOf([session("api"), session("worker")]);
    expect(who(watch)).toMatchObject({ onlyAddress: "10.0.0.1", isPooler: false });
    const pooler = [container("pool", "10.0.0.1", { image: "edoburu/pgbouncer:1.23" })];
    expect(who(watch, pooler)).toMatchObject({ isPooler: true });
    expect(who(watchOf([session("api"), session("worker", { address: "10.0.0.2" })])).onlyAddress).toBeUndefined();
  });

  describe("a start", () => {
    const startsOf = (...looks: Session[][]) => who(watchOf(...looks)).services.map(({ startedAt }) => startedAt);
    const [api, again, other] = [session("api"), session("api"), session("api", { address: "10.0.0.2" })];

    test("is watched if a service, or a replica of it, had no session at first and kept the ones it got", () => {
      expect(startsOf([], [api], [api, again])).toEqual([expect.any(Date)]);
      expect(startsOf([api], [api, other])).toEqual([expect.any(Date)]);
    });

    test("is not known if sessions come back or go: a pool does that too", () => {
      expect(startsOf([api], [], [again])).toEqual([undefined]);
      expect(startsOf([], [api], [])).toEqual([undefined]);
      expect(startsOf([], [api], [], [again])).toEqual([undefined]);
      expect(startsOf([api], [api, again])).toEqual([undefined]);
    });

    test("is not one if a log has the service from before the watch", () => {
      const watch = watchOf([], [api]);
      watch.addLogged(clientOf(api), new Date(0));
      expect(who(watch).services).toMatchObject([{ startedAt: undefined }]);
    });

    test("is that of its container if Docker tells, whatever the sessions do", () => {
      const startOf = (watch: SessionWatch, startedAt: Date, since: Date) =>
        findWho(watch, superusers, [container("api", "10.0.0.1", { startedAt })], since).services[0]?.startedAt;
      const [early, late] = [new Date(1000), new Date(2000)];
      expect(startOf(watchOf([], [api]), early, late)).toBeUndefined();
      expect(startOf(watchOf([api], [], [again]), early, late)).toBeUndefined();
      expect(startOf(watchOf([api]), late, early)).toEqual(late);
    });
  });

  test("hidden states are not idle", () => {
    const hidden = { state: undefined, address: undefined };
    expect(who(watchOf([session("api", hidden)])).services).toMatchObject([{ idleShare: undefined, addresses: [] }]);
  });
});

test("statements of a log are attributed by what it has", () => {
  const { services } = who(
    watchOf([session("api"), session("worker", { address: "10.0.0.2" }), session("cron", { database: "jobs" })]),
  );
  const serviceOf = attribution(services);
  const statement = { text: "SELECT 1", user: "postgres", count: 1, source: "log" as const };
  expect(serviceOf({ ...statement, database: "shop", application: "api", address: "10.0.0.1" })?.name).toBe("api");
  expect(serviceOf({ ...statement, database: "shop", application: "worker" })?.name).toBe("worker");
  expect(serviceOf({ ...statement, database: "shop", address: "10.0.0.2" })?.name).toBe("worker");
  expect(serviceOf({ ...statement, database: "jobs" })?.name).toBe("cron");
  expect(serviceOf({ ...statement, database: "shop" })).toBeUndefined();
  expect(serviceOf({ ...statement, database: "shop", user: "other", application: "api" })).toBeUndefined();
});
