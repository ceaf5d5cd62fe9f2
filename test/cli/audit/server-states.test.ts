import { readFile, writeFile } from "node:fs/promises";
import pg from "pg";
import { expect, test } from "vitest";
import { auditSubject } from "../../../cli/audit/audit.ts";
import { auditDocument } from "../../../cli/audit/document.ts";
import type { Audit } from "../../../cli/audit/examination.ts";
import { type Postgres, type PostgresOptions, startPostgres } from "../../../sandbox/postgres/server.ts";

async function withServer(options: PostgresOptions, work: (server: Postgres) => Promise<void>): Promise<void> {
  const server = await startPostgres(options);
  try {
    await work(server);
  } finally {
    await server.stop();
  }
}

const auditOf = ({ host, port, user, password }: Postgres) => {
  const address = { host, port, user, password, database: "postgres", sslmode: "disable" };
  return auditSubject({ address, namedBy: "URL", declared: undefined }, {}, false);
};

const capacity = (audit: Audit) => auditDocument(audit).findings.filter(({ check }) => check === "server-capacity");

test("a full server: from its reserved slots it is a finding, and without any the audit says what to do", () =>
  withServer({ maxConnections: 6 }, async (server) => {
    const sessions: pg.Client[] = [];
    const open = async () => {
      const client = new pg.Client({ connectionString: server.url(), application_name: "psql" });
      client.on("error", () => undefined);
      await client.connect();
      sessions.push(client);
    };
    // 3 of the 6 are reserved; the audit is the third.
    for (let count = 0; count < 2; count++) await open();
    expect(capacity(await auditOf(server))).toMatchObject([
      {
        id: "server-capacity/server",
        severity: "high",
        what: expect.stringMatching(/^\d of 6 connections were in use, and 3 are reserved/),
        fix: expect.stringContaining("usename = 'postgres'"),
        details: [expect.stringMatching(/^postgres: \d sessions$/)],
      },
    ]);
    await expect(
      (async () => {
        for (;;) await open();
      })(),
    ).rejects.toThrow(/too many clients/);
    await expect(auditOf(server)).rejects.toThrow(
      /reading the sessions: .*too many clients already \(53300\)\. .*Stop a service/,
    );
    await Promise.all(sessions.map((client) => client.end()));
  }));

test("a server that is nearly full", () =>
  withServer({ maxConnections: 6, settings: { superuser_reserved_connections: 0 } }, async (server) => {
    const clients = await Promise.all(
      [1, 2, 3, 4].map(async () => {
        const client = new pg.Client({ connectionString: server.url(), application_name: "psql" });
        await client.connect();
        return client;
      }),
    );
    const findings = capacity(await auditOf(server));
    await Promise.all(clients.map((client) => client.end()));
    expect(findings).toMatchObject([{ id: "server-capacity/server", severity: "medium" }]);
  }));

test("a standby is audited, and the audit says so", () =>
  withServer({ isStandby: true }, async (server) => {
    const { server: found, notes, unchecked } = auditDocument(await auditOf(server));
    expect({ isStandby: found.isStandby, unchecked }).toEqual({ isStandby: true, unchecked: [] });
    expect(notes[0]).toMatch(/the server is a standby/);
  }));

test("a server that requires TLS", () =>
  withServer({}, async (server) => {
    const db = new pg.Client({ connectionString: server.url() });
    await db.connect();
    const { rows } = await db.query<{ file: string }>("SELECT current_setting('hba_file') AS file");
    const file = rows[0]?.file as string;
    await writeFile(file, (await readFile(file, "utf8")).replaceAll(/^host /gm, "hostssl "));
    await db.query("SELECT pg_reload_conf()");
    await db.end();
    // The reload takes a moment.
    await expect(
      (async () => {
        for (;;) await auditOf(server);
      })(),
    ).rejects.toThrow(/no pg_hba\.conf entry .*no encryption \(28000\)\. .*sslmode/);
  }));
