import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { awaitRole } from "../../../provider/functions/await-role.ts";
import { dropLeftoverRole } from "../../../provider/functions/drop-leftover-role.ts";
import { Server } from "../../../provider/postgres/connection.ts";
import { until } from "../../sandbox/temporary.ts";
import { startPostgres, type TestPostgres } from "../postgres.ts";

let postgres: TestPostgres;
let server: Server;
let admin: Awaited<ReturnType<TestPostgres["connect"]>>;
beforeAll(async () => {
  postgres = await startPostgres();
  server = new Server(postgres.address);
  admin = await postgres.connect();
});
afterAll(async () => {
  await server.close();
  await postgres.stop();
});
beforeEach(() => admin.query(`CREATE ROLE "left ""over" LOGIN CONNECTION LIMIT 8 PASSWORD 'x'`));

const role = 'left "over';
const drop = async (memberOf?: string) =>
  dropLeftoverRole(server)(
    { role, ...(memberOf && { memberOf }) },
    { preview: false, signal: new AbortController().signal },
  );
const exists = async () => (await admin.query("SELECT FROM pg_roles WHERE rolname = $1", [role])).rows.length > 0;

test("a role as CREATE ROLE left it is dropped; a role that does not exist is not an error", async () => {
  await admin.query(`ALTER ROLE "left ""over" SET search_path = 's'`);
  expect(await drop()).toEqual({ result: { dropped: true } });
  expect(await exists()).toBe(false);
  expect(await drop()).toEqual({ result: { dropped: false } });
});

test.each([
  ["owns something", `CREATE TABLE t (); ALTER TABLE t OWNER TO "left ""over"`, "DROP TABLE t", /objects it owns/],
  ["holds a privilege", `CREATE TABLE t (); GRANT SELECT ON t TO "left ""over"`, "DROP TABLE t", /privileges it holds/],
  ["is a member", `GRANT pg_monitor TO "left ""over"`, "SELECT", /a member of pg_monitor/],
])("a role that %s is refused and stays", async (_what, tie, untie, message) => {
  await admin.query(tie);
  await expect(drop()).rejects.toThrow(message);
  expect(await exists()).toBe(true);
  await admin.query(untie);
  await admin.query(`DROP ROLE "left ""over"`);
});

test("the membership that a login role is created with is allowed", async () => {
  await admin.query(`CREATE ROLE app; GRANT app TO "left ""over"`);
  await expect(drop("other")).rejects.toThrow(/a member of app/);
  expect(await drop("app")).toEqual({ result: { dropped: true } });
  expect(await exists()).toBe(false);
});

test("a role with a session is refused and stays", async () => {
  const session = await postgres.connect({ user: role, password: "x" });
  await expect(drop()).rejects.toThrow(/1 session/);
  expect(await exists()).toBe(true);
  await session.end();
  await admin.query(`DROP ROLE "left ""over"`);
});

describe("while another session", () => {
  /** A session of the official plugin, in a transaction with these statements. */
  async function during(...statements: string[]) {
    const other = await postgres.connect();
    onTestFinished(() => other.end());
    const { rows } = await other.query("SELECT pg_backend_pid() AS pid");
    for (const statement of ["SET application_name = 'Terraform provider'", "BEGIN", ...statements])
      await other.query(statement);
    return { pid: rows[0].pid as number, query: (sql: string) => other.query(sql) };
  }
  const wait = () => awaitRole(server)({ role }, { preview: false, signal: new AbortController().signal });
  /** The result, after checking that there was none before the other session ended. */
  async function outcome(start: () => Promise<unknown>, end: () => Promise<unknown>) {
    const since = (await admin.query("SELECT clock_timestamp() AS now")).rows[0].now;
    let isOver = false;
    const over = start().finally(() => {
      isOver = true;
    });
    over.catch(() => undefined);
    await until(async () => {
      const { rows } = await admin.query(
        "SELECT FROM pg_stat_activity WHERE application_name = 'app-roles' AND query = 'ROLLBACK' AND state_change > $1",
        [since],
      );
      return rows.length > 0 || isOver;
    });
    expect(isOver).toBe(false);
    await end();
    return over;
  }

  test("creates the role, drop waits: a committed role is dropped, after a rollback there is none", async () => {
    await admin.query(`DROP ROLE "left ""over"`);
    const committed = await during(`CREATE ROLE "left ""over"`);
    expect(await outcome(drop, () => committed.query("COMMIT"))).toEqual({ result: { dropped: true } });
    expect(await exists()).toBe(false);
    const rolledBack = await during(`CREATE ROLE "left ""over"`);
    expect(await outcome(drop, () => rolledBack.query("ROLLBACK"))).toEqual({ result: { dropped: false } });
  });

  test.each([
    ["alters it", [`ALTER ROLE "left ""over" CONNECTION LIMIT 9`]],
    ["is about to change it", [`SELECT pg_advisory_xact_lock(oid::bigint) FROM pg_roles WHERE rolname = 'left "over'`]],
  ])("%s, the function waits for it", async (_what, statements) => {
    const other = await during(...statements);
    expect(await outcome(wait, () => other.query("COMMIT"))).toEqual({ result: {} });
    await admin.query(`DROP ROLE "left ""over"`);
  });

  test("does not end, the error has its pid and the remedy, and nothing is changed", async () => {
    const other = await during(`ALTER ROLE "left ""over" CONNECTION LIMIT 9`);
    await expect(wait()).rejects.toThrow(
      new RegExp(
        `changing role left "over.*pid ${other.pid}, Terraform provider.*pg_terminate_backend\\(${other.pid}\\)`,
      ),
    );
    await other.query("ROLLBACK");
    expect(await drop()).toEqual({ result: { dropped: true } });
  }, 30_000);

  test("changes another role, the function does not wait, and its trial is rolled back", async () => {
    const other = await during("CREATE ROLE another");
    expect(await wait()).toEqual({ result: {} });
    expect(await drop()).toEqual({ result: { dropped: true } });
    expect(await drop()).toEqual({ result: { dropped: false } });
    await other.query("ROLLBACK");
    expect(await exists()).toBe(false);
  });
});
