import { readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { expect } from "vitest";
import { createLegacyEstate } from "../../sandbox/legacy/index.ts";
import { type Postgres, type PostgresOptions, startPostgres } from "../../sandbox/postgres/server.ts";
import type { Finished } from "../../sandbox/process.ts";
import { createSandbox, type Sandbox, type SandboxOptions } from "../../sandbox/project/sandbox.ts";
import { observe } from "../provider/observe.ts";

/** The runbook's server and the project, with the real engine, for one end-to-end test. */
export interface Estate {
  postgres: Postgres;
  sandbox: Sandbox;
  /** One query as the superuser, or as another user. */
  query<Row extends pg.QueryResultRow>(
    database: string,
    sql: string,
    login?: { user: string; password: string },
  ): Promise<Row[]>;
  /** The catalog state that destroy must restore, of both databases. */
  observe(): Promise<Record<string, Record<string, string[]>>>;
  /** Every command's output so far, in order. */
  printed: string[];
  /** Runs pulumi and records its output; fails the test on an unexpected exit code. */
  pulumi(args: string[], expected?: { fails?: boolean; env?: NodeJS.ProcessEnv }): Promise<Finished & { text: string }>;
  up(...more: string[]): Promise<string>;
  preview(...more: string[]): Promise<string>;
  databaseUrls(): Promise<Record<string, string>>;
  /** The generated passwords in the state. */
  passwords(): Promise<string[]>;
  remove(): Promise<void>;
}

/** The parts of `pulumi stack export` that are read here. */
interface Exported {
  deployment: { resources: { type: string; outputs?: { result?: { plaintext?: string } } }[] };
}

/**
 * @param settings server settings by name
 * @param options the superuser's password, by default one that the servers of other tests have too; `pluginProcess` as in
 *   SandboxOptions
 */
export async function createEstate(
  settings: Record<string, string | number> = {},
  options: Pick<PostgresOptions, "password"> & Pick<SandboxOptions, "pluginProcess"> = {},
): Promise<Estate> {
  const { pluginProcess, ...server } = options;
  const logFile = join(tmpdir(), `app-roles-e2e-${process.pid}-${Math.random().toString(36).slice(2)}.log`);
  const postgres = await startPostgres({ settings: { log_statement: "ddl", ...settings }, logFile, ...server });
  await createLegacyEstate(postgres);
  const sandbox = await createSandbox({ postgres, pluginProcess });
  const printed: string[] = [];

  const estate: Estate = {
    postgres,
    sandbox,
    printed,
    async query(database, sql, login = { user: postgres.user, password: postgres.password }) {
      const client = new pg.Client({ host: postgres.host, port: postgres.port, database, ...login });
      await client.connect();
      try {
        const result = await client.query(sql);
        return Array.isArray(result) ? result.at(-1).rows : result.rows;
      } finally {
        await client.end();
      }
    },
    async observe() {
      const seen: Awaited<ReturnType<Estate["observe"]>> = {};
      for (const database of ["tracksolid_db", "fleet_platform"]) {
        const client = new pg.Client({ connectionString: postgres.url(database) });
        await client.connect();
        seen[database] = await observe(client);
        await client.end();
      }
      return seen;
    },
    async pulumi(args, { fails = false, env = {} } = {}) {
      const finished = await sandbox.pulumi(args, { env });
      const text = `${finished.stdout}${finished.stderr}`;
      if (!args.includes("--show-secrets")) printed.push(text);
      expect(finished.code !== 0, `pulumi ${args.join(" ")} ended with ${finished.code}:\n${text}`).toBe(fails);
      return { ...finished, text };
    },
    up: async (...more) => (await estate.pulumi(["up", "--yes", "--skip-preview", ...more])).text,
    preview: async (...more) => (await estate.pulumi(["preview", "--diff", ...more])).text,
    async databaseUrls() {
      const { stdout } = await estate.pulumi(["stack", "output", "databaseUrls", "--show-secrets", "--json"]);
      return JSON.parse(stdout) as Record<string, string>;
    },
    async passwords() {
      const { stdout } = await estate.pulumi(["stack", "export", "--show-secrets"]);
      const { resources } = (JSON.parse(stdout) as Exported).deployment;
      return resources.flatMap(({ type, outputs }) =>
        type === "random:index/randomPassword:RandomPassword" ? [JSON.parse(outputs?.result?.plaintext as string)] : [],
      );
    },
    async remove() {
      await sandbox.remove();
      await postgres.stop();
      await rm(logFile, { force: true });
    },
  };
  return estate;
}

/** Every file below a folder, with its text. */
export async function filesBelow(folder: string): Promise<{ path: string; text: string }[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(files.map(async (path) => ({ path, text: await readFile(path, "latin1") })));
}
