import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { expect, test } from "vitest";
import { auditSubject } from "../../../cli/audit/audit.ts";
import { auditDocument } from "../../../cli/audit/document.ts";
import type { Audit } from "../../../cli/audit/examination.ts";
import { marker } from "../../../cli/report/page.ts";
import { type Postgres, type PostgresOptions, startPostgres } from "../../../sandbox/postgres/server.ts";
import { run } from "../../../sandbox/process.ts";

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

/**
 * The commands that look at a server, outside a project, with what they say and their exit codes; and the page in a file that held
 * an earlier report.
 */
async function commandsAt(url: string): Promise<Record<string, { code: number; said: string } | string>> {
  const folder = await mkdtemp(join(tmpdir(), "app-roles-states-"));
  const out = join(folder, "report.html");
  await writeFile(out, earlier);
  const commands = { audit: [], discover: ["--watch", "0s"], report: ["--out", out] };
  try {
    const runs = Object.entries(commands).map(async ([name, args]) => {
      const { code, stdout, stderr } = await run(process.execPath, [
        ...["bin/app-roles.js", name, "--cwd", folder, url],
        ...args,
      ]);
      return [name, { code, said: stdout + stderr }] as const;
    });
    return { ...Object.fromEntries(await Promise.all(runs)), page: await readFile(out, "utf8") };
  } finally {
    await rm(folder, { recursive: true });
  }
}

const earlier = `${marker}an earlier report`;

/** All three failed and said this; audit and report could not check, which is exit code 2, and said in one line what they read. */
const failed = (words: RegExp) => {
  const inOneLine = (command: string) =>
    new RegExp(`^app-roles ${command}: could not check: reading the sessions: [^\\n]*${words.source}[^\\n]*\\n$`);
  return {
    audit: { code: 2, said: expect.stringMatching(inOneLine("audit")) },
    discover: { code: 1, said: expect.stringMatching(words) },
    report: { code: 2, said: expect.stringMatching(inOneLine("report")) },
    page: earlier,
  };
};

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
    expect(await commandsAt(server.url())).toEqual(failed(/too many clients already \(53300\)\. .*Stop a service/));
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
    expect(await commandsAt(server.url())).toMatchObject({
      audit: { said: expect.stringContaining("Note: the server is a standby") },
      discover: { code: 0, said: expect.stringContaining("This is a standby") },
      report: { code: 0 },
      page: expect.stringMatching(/PostgreSQL [\d.]+ \(standby\) at /),
    });
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
    ).rejects.toThrow(/no encryption/);
    expect(await commandsAt(server.url())).toEqual(
      failed(/no pg_hba\.conf entry .*no encryption \(28000\)\. .*sslmode/),
    );
    expect(await commandsAt(`${server.url()}?sslmode=require`)).toEqual(
      failed(/does not support SSL.* add \?sslmode=disable to the URL/),
    );
  }));
