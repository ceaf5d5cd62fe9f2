import { afterAll, beforeAll, expect, test } from "vitest";
import { createEstate, type Estate } from "./estate.ts";

const attributes = `
  SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, rolinherit, rolcanlogin, rolreplication, rolbypassrls, rolconnlimit,
         rolvaliduntil, (SELECT rolpassword FROM pg_authid a WHERE a.oid = r.oid) AS password,
         (SELECT json_agg(json_build_object('of', roleid::regrole, 'by', grantor::regrole, 'admin', admin_option,
                                            'inherit', inherit_option, 'set', set_option) ORDER BY roleid)
          FROM pg_auth_members WHERE member = r.oid) AS memberships
  FROM pg_roles r WHERE rolname IN ('dashboard_app', 'tracksolid_owner', 'grafana_ro') ORDER BY 1`;

let estate: Estate;
let before: Awaited<ReturnType<Estate["observe"]>>;
let rolesBefore: object[];

/** Roles that exist before the stack, with all attributes. */
beforeAll(async () => {
  estate = await createEstate();
  await estate.query(
    "tracksolid_db",
    `CREATE ROLE readers; CREATE ROLE admins;
     CREATE ROLE dashboard_app LOGIN CREATEDB CREATEROLE CONNECTION LIMIT 40 PASSWORD 'old password' VALID UNTIL '2099-01-01';
     GRANT readers TO dashboard_app WITH ADMIN OPTION; GRANT admins TO dashboard_app;
     ALTER ROLE dashboard_app SET statement_timeout = 45000; ALTER ROLE dashboard_app SET search_path = "Odd one", public;
     ALTER ROLE dashboard_app SET work_mem = '8MB';
     ALTER ROLE dashboard_app IN DATABASE tracksolid_db SET work_mem = '9MB';
     GRANT SELECT, UPDATE ON tickets.tickets TO dashboard_app WITH GRANT OPTION;
     GRANT USAGE ON SCHEMA tickets TO dashboard_app;
     CREATE ROLE tracksolid_owner LOGIN PASSWORD 'old password';
     GRANT USAGE, CREATE ON SCHEMA tickets TO tracksolid_owner;
     GRANT SELECT ON tickets.tickets TO tracksolid_owner WITH GRANT OPTION;
     SET ROLE tracksolid_owner; CREATE TABLE tickets.its_own (); GRANT SELECT ON tickets.tickets TO dashboard_ro; RESET ROLE`,
  );
  before = await estate.observe();
  rolesBefore = await estate.query("postgres", attributes);
});
afterAll(() => estate.remove());

test("existing roles are refused, adopted on request, and restored by destroy", async () => {
  const { text: refusal } = await estate.pulumi(["up", "--yes", "--skip-preview"], { fails: true });
  expect(refusal).toMatch(/dashboard_app exists .*adopt: true/s);
  await estate.sandbox.setConfig("roles.dashboard_app.adopt", true);
  await estate.sandbox.setConfig("roles.tracksolid_owner.adopt", true);
  await estate.sandbox.setConfig("existingRoles.grafana_ro.enforce", true);
  await estate.sandbox.setConfig("existingRoles.grafana_ro.settings", { idle_session_timeout: "15min" });

  const preview = await estate.preview();
  expect(preview).toMatch(/role dashboard_app exists and is adopted/);
  expect(preview).toMatch(/connectionLimit\s*: 40 => 8/);
  expect(await estate.observe()).toEqual(before);

  await estate.up();
  expect(await estate.query("postgres", attributes)).toMatchObject([
    { rolname: "dashboard_app", rolconnlimit: 8, rolcreatedb: false, rolcreaterole: false, rolinherit: true },
    { rolname: "grafana_ro", rolconnlimit: 5 },
    { rolname: "tracksolid_owner", rolconnlimit: 30 },
  ]);
  const login = { user: "dashboard_app", password: "old password" };
  await expect(estate.query("tracksolid_db", "SELECT 1", login)).rejects.toThrow(/password authentication failed/);
  // Attributes that the stack does not declare are unchanged.
  const settings = await estate.query<{ setconfig: string[] }>(
    "postgres",
    "SELECT setconfig FROM pg_db_role_setting WHERE setrole = 'dashboard_app'::regrole AND setdatabase = 0",
  );
  expect(settings[0]?.setconfig).toEqual(
    expect.arrayContaining([
      'search_path="Odd one", public',
      "work_mem=8MB",
      expect.stringContaining("idle_session_timeout"),
    ]),
  );
  expect(await estate.query("postgres", "SELECT pg_has_role('dashboard_app', 'readers', 'MEMBER') AS is")).toEqual([
    { is: true },
  ]);
  // Recorded for destroy, but encrypted.
  const verifier = (rolesBefore[0] as { password: string }).password;
  expect((await estate.pulumi(["stack", "export", "--show-secrets"])).text).toContain(verifier);
  expect((await estate.pulumi(["stack", "export"])).text).not.toContain(verifier);
  expect(await estate.up()).toMatch(/\d+ unchanged/);
  expect(await estate.preview("--expect-no-changes")).toContain("unchanged");

  await estate.pulumi(["destroy", "--yes", "--skip-preview", "--run-program"]);
  expect(await estate.query("postgres", attributes)).toEqual(rolesBefore);
  expect(await estate.observe()).toEqual(before);
  expect(await estate.query("tracksolid_db", "SELECT 1 AS one", login)).toEqual([{ one: 1 }]);
  for (const printed of estate.printed) expect(printed).not.toContain("SCRAM-SHA-256$");
});
