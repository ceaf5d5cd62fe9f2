import { afterAll, beforeAll, expect, test } from "vitest";
import { readSnapshot } from "../../provider/baseline/snapshot.ts";
import { ownership } from "../../provider/ownership/resource.ts";
import { Server } from "../../provider/postgres/connection.ts";
import { testCall } from "../provider/calls.ts";
import { createEstate, type Estate } from "./estate.ts";

const password = "only for a test";
const schemas: Record<string, string[]> = {
  tracksolid_db: ["tracksolid", "reporting", "tickets"],
  fleet_platform: ["fleet", "jobs"],
};

let estate: Estate;

/** The runbook's server as in a cloud: a non-superuser admin owns everything. */
beforeAll(async () => {
  estate = await createEstate();
  await estate.query("postgres", `CREATE ROLE cloud_admin LOGIN CREATEROLE PASSWORD '${password}'`);
  await estate.query("postgres", "GRANT reporting_refresher TO cloud_admin WITH ADMIN OPTION");
  const server = new Server({ ...estate.postgres, database: "postgres", sslmode: "disable" });
  for (const [database, names] of Object.entries(schemas)) {
    await estate.query("postgres", `ALTER DATABASE ${database} OWNER TO cloud_admin`);
    for (const schema of names) await estate.query(database, `ALTER SCHEMA ${schema} OWNER TO cloud_admin`);
    const former = await server.session(database, (db) =>
      readSnapshot(db, database, { schemas: names, outside: [], roles: [] }),
    );
    const goal = { database, owner: "cloud_admin", schemas: names, alsoOwn: [], roles: ["cloud_admin"] };
    const keepOwner = database === "tracksolid_db" ? { "reporting.v_trips": "reporting_refresher" } : {};
    const inputs = { ...goal, keepOwner, former: JSON.parse(JSON.stringify(former)) };
    await ownership(server).apply(inputs, undefined, testCall());
  }
  await server.close();
  // It must own its objects without being declared in the stack.
  await estate.query("postgres", "COMMENT ON ROLE cloud_admin IS NULL");
  await estate.sandbox.setConfig("server.admin.user", "cloud_admin");
  await estate.sandbox.setSecret("app-roles:adminPassword", password);
});
afterAll(() => estate.remove());

const memberships = () =>
  estate.query("postgres", "SELECT roleid::regrole, member::regrole, admin_option FROM pg_auth_members ORDER BY 1, 2");

test("a non-superuser admin must be declared, and then does everything that its privileges allow", async () => {
  const before = await estate.observe();
  const were = await memberships();
  const { text } = await estate.pulumi(["preview"], { fails: true });
  expect(text).toContain("set app-roles:server.admin.superuser to false");

  await estate.sandbox.setConfig("server.admin.superuser", false);
  await estate.up();
  await estate.pulumi(["preview", "--expect-no-changes"]);
  const owners = await estate.query(
    "tracksolid_db",
    "SELECT DISTINCT tableowner AS owner FROM pg_tables WHERE schemaname IN ('tracksolid', 'reporting', 'tickets')",
  );
  expect(owners).toEqual([{ owner: "tracksolid_owner" }]);

  await estate.pulumi(["destroy", "--yes", "--skip-preview"]);
  expect(await estate.observe()).toEqual(before);
  expect(await memberships()).toEqual(were);
});
