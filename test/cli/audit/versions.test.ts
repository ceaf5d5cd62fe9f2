import { appendFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { auditSubject } from "../../../cli/audit/audit.ts";
import { auditDocument } from "../../../cli/audit/document.ts";
import { createLegacyEstate } from "../../../sandbox/legacy/index.ts";
import { availableVersions } from "../../../sandbox/postgres/server.ts";
import { startPostgres } from "../../provider/postgres.ts";
import { deploy } from "./deployed.ts";

const config = {
  server: { host: "127.0.0.1" },
  databases: {
    tracksolid_db: {
      schemas: ["tracksolid", "reporting", "tickets"],
      owner: "tracksolid_owner",
      revokeFromPublic: ["TEMPORARY"],
    },
  },
  roles: {
    tracksolid_owner: { connectionLimit: 30, access: { tracksolid_db: "owner" } },
    dashboard_app: { connectionLimit: 8, access: { tracksolid_db: "reader" } },
  },
  existingRoles: {
    analytics_ro: { connectionLimit: 8 },
    dashboard_ro: { connectionLimit: 12 },
    grafana_ro: { connectionLimit: 5 },
    reporting_refresher: { connectionLimit: 3 },
  },
};

/** What somebody did to tracksolid_db. */
const changes = [
  "REVOKE CONNECT, TEMPORARY ON DATABASE tracksolid_db, fleet_platform FROM PUBLIC",
  "CREATE ROLE auditor LOGIN PASSWORD 'auditor' CONNECTION LIMIT 2 IN ROLE pg_monitor",
  "GRANT CONNECT ON DATABASE tracksolid_db TO auditor",
  "GRANT TEMPORARY ON DATABASE tracksolid_db TO PUBLIC",
  "GRANT CREATE ON SCHEMA public TO PUBLIC",
  "GRANT INSERT ON tickets.comments TO PUBLIC",
  "GRANT tracksolid_owner TO dashboard_app",
  "ALTER TABLE tickets.tickets OWNER TO postgres",
  "REVOKE SELECT ON tickets.tickets FROM dashboard_app",
  "ALTER ROLE dashboard_app CONNECTION LIMIT 9",
  "ALTER ROLE grafana_ro CREATEROLE",
  "SET password_encryption = md5",
  "ALTER ROLE grafana_ro PASSWORD 'x'",
];

const found = [
  "drift/owners/tracksolid_db",
  "drift/privileges/dashboard_app/tracksolid_db",
  "drift/public/tracksolid_db",
  "drift/role/dashboard_app",
  "elevated-login/grafana_ro",
  "public-database/tracksolid_db/TEMPORARY",
  "public-relation/tracksolid_db/tickets/write",
  "public-schema/tracksolid_db/public",
  "reader-writes/dashboard_app/tracksolid_db/as a member of tracksolid_owner",
  "reader-writes/dashboard_app/tracksolid_db/through PUBLIC",
  "undeclared-login/auditor",
];

describe.each(availableVersions())("on PostgreSQL %i", (version) => {
  test("a superuser finds everything, and a member of pg_monitor all but what superusers alone can read", async () => {
    const postgres = await startPostgres(version);
    try {
      await createLegacyEstate(postgres.address);
      const declared = await deploy(postgres, config);
      const db = await postgres.connect({ database: "tracksolid_db" });
      for (const change of changes) await db.query(change);
      const { rows } = await db.query<{ file: string }>("SELECT current_setting('hba_file') AS file");
      await appendFile(rows[0]?.file as string, "\nhost tracksolid_db all 10.0.0.0/8 trust\n");
      await db.end();
      const audit = async (login: { user?: string; password?: string }) =>
        auditDocument(
          await auditSubject({ address: { ...postgres.address, ...login }, namedBy: "URL", declared }, {}, false),
        );
      const superusers = await audit({});
      expect(superusers.server.version).toMatch(new RegExp(`^${version}\\.`));
      expect(superusers.unchecked).toEqual([]);
      expect(superusers.findings.map(({ id }) => id.replace(/\/[^:]*pg_hba.conf:\d+/, "")).toSorted()).toEqual(
        [...found, "md5-password/grafana_ro", "trust-line"].toSorted(),
      );
      const monitors = await audit({ user: "auditor", password: "auditor" });
      expect(monitors.findings.map(({ id }) => id).toSorted()).toEqual(found);
      expect(monitors.unchecked.map(({ check }) => check)).toEqual(["md5-password", "trust-line"]);
    } finally {
      await postgres.stop();
    }
  });
});
