import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createEstate, type Estate } from "./estate.ts";

let estate: Estate;
let before: Awaited<ReturnType<Estate["observe"]>>;

beforeAll(async () => {
  estate = await createEstate();
  before = await estate.observe();
});
afterAll(() => estate.remove());

/** The output of a refused up, after checking that the server was not changed. */
async function refused(env: NodeJS.ProcessEnv = {}): Promise<string> {
  const { text } = await estate.pulumi(["up", "--yes", "--skip-preview"], { fails: true, env });
  expect(await estate.observe()).toEqual(before);
  return text;
}

/** Sets a configuration value and restores it afterwards. */
async function withConfig(path: string, value: unknown, previous: unknown, work: () => Promise<void>): Promise<void> {
  await estate.sandbox.setConfig(path, value);
  try {
    await work();
  } finally {
    await estate.sandbox.setConfig(path, previous);
  }
}

test("invalid configuration: every key is reported", async () => {
  await withConfig("roles.dashboard_app.connectionLimt", 8, undefined, () =>
    withConfig("services.worker.role", "nobody", "tracksolid_owner", async () => {
      const text = await refused();
      expect(text).toContain("app-roles:roles.dashboard_app.connectionLimt");
      expect(text).toContain("app-roles:services.worker.role");
      expect(text).not.toContain("at Object.");
    }),
  );
});

test("an unconfirmed service cannot be cut over", async () => {
  await withConfig("services.gateway.connectAs", "role", "legacy", async () => {
    expect(await refused()).toContain("app-roles:services.gateway");
  });
});

test("a wrong admin password", async () => {
  const text = await refused({ PGPASSWORD: "not the password" });
  expect(text).toMatch(/28P01.*app-roles:adminPassword/s);
  expect(text).not.toContain("not the password");
});

test("a server that is down", async () => {
  await withConfig("server.admin.port", 1, estate.postgres.port, async () => {
    expect(await refused()).toMatch(/127\.0\.0\.1:1\b.*ECONNREFUSED.*app-roles:server\.admin/s);
  });
});

test("no Docker daemon: the error has the remedy, and a stack without containers needs none", async () => {
  const env = { DOCKER_HOST: "unix:///nowhere/docker.sock" };
  await estate.pulumi(["preview"], { env });
  await withConfig("services.worker.container", { image: "worker:1" }, undefined, () =>
    withConfig("services.worker.runtime", "container", "external", async () => {
      expect(await refused(env)).toMatch(/worker: Docker: .*nowhere.*\. Check that Docker runs .*docker:host/);
    }),
  );
});

test("a missing schema", async () => {
  const schemas = ["tracksolid", "reporting", "tickets"];
  await withConfig("databases.tracksolid_db.schemas", [...schemas, "nowhere"], schemas, async () => {
    expect(await refused()).toMatch(/no schema nowhere; it has .*tracksolid/);
  });
});

test("a missing database", async () => {
  await withConfig("databases.nowhere", { schemas: ["s"] }, undefined, async () => {
    expect(await refused()).toMatch(/no database nowhere; it has .*tracksolid_db/);
  });
});

test("a missing owner to keep", async () => {
  const path = "databases.tracksolid_db.keepOwner";
  await withConfig(
    path,
    { "reporting.v_trips": "nobody" },
    { "reporting.v_trips": "reporting_refresher" },
    async () => {
      expect(await refused()).toMatch(/reporting\.v_trips cannot stay with nobody/);
    },
  );
});

test("an existing role of that name", async () => {
  // A refused up may have saved baselines, with which a bare role looks like the leftover of a killed up.
  await estate.pulumi(["destroy", "--yes", "--skip-preview"]);
  await estate.query("postgres", "CREATE ROLE dashboard_app LOGIN");
  const { text } = await estate.pulumi(["up", "--yes", "--skip-preview"], { fails: true });
  expect(text).toMatch(/role dashboard_app exists .*not created by this stack/);
  const rows = await estate.query(
    "postgres",
    "SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' AND rolname ~ '_(app|owner)$'",
  );
  expect(rows).toEqual([{ rolname: "dashboard_app" }]);
  await estate.query("postgres", "DROP ROLE dashboard_app");
  expect(await estate.observe()).toEqual(before);
});

test("a full server is reported, and works again once a slot is free", async () => {
  const sessions: pg.Client[] = [];
  let full = false;
  while (!full) {
    const session = new pg.Client({ connectionString: estate.postgres.url() });
    session.on("error", () => undefined);
    await session.connect().then(
      () => sessions.push(session),
      (error: { code?: string }) => {
        full = error.code === "53300";
      },
    );
  }
  const { text } = await estate.pulumi(["preview"], { fails: true });
  expect(text).toMatch(/sorry, too many clients already.*53300.*Stop a service/s);
  await Promise.all(sessions.map((session) => session.end()));
  expect(await estate.observe()).toEqual(before);
  await estate.preview();
});
