import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { addressesOf, tryLogin, whereAsked } from "../../../cli/rotate-superuser/login.ts";
import { watchSessions } from "../../../cli/rotate-superuser/look.ts";
import {
  changePassword,
  finishChange,
  type PasswordChange,
  type Step,
} from "../../../cli/rotate-superuser/password-change.ts";
import { readOwnPassword, setStoredPassword } from "../../../cli/rotate-superuser/stored-password.ts";
import type { Vault } from "../../../cli/rotate-superuser/vault.ts";
import { scramVerifier } from "../../../model/scram.ts";
import { completeServer } from "../../../model/server.ts";
import type { ServerAddress } from "../../../provider/postgres/connection.ts";
import { type Postgres, startPostgres } from "../../../sandbox/postgres/server.ts";

let postgres: Postgres;
/** Its Unix socket requires no password. */
let folder: string;
const clients: pg.Client[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "app-roles-hba-"));
  await chmod(folder, 0o777);
  const hba = join(folder, "pg_hba.conf");
  await writeFile(hba, "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n");
  await chmod(hba, 0o644);
  postgres = await startPostgres({ settings: { hba_file: hba, unix_socket_directories: folder } });
  await (await trusted()).query("CREATE ROLE cloud LOGIN CREATEROLE");
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A session that needs no password. */
async function trusted(user = "postgres"): Promise<pg.Client> {
  const client = new pg.Client({ host: folder, port: postgres.port, user, database: "postgres" });
  client.on("error", () => undefined);
  await client.connect();
  clients.push(client);
  return client;
}

const tcp = (user = "postgres"): ServerAddress => ({
  host: "127.0.0.1",
  port: postgres.port,
  user,
  database: "postgres",
  sslmode: "disable",
  password: "",
});

class MemoryVault implements Vault {
  current: string | undefined;
  pending: string | undefined;
  read = async () => ({ current: this.current, pending: this.pending });
  keep = async (password: string) => {
    this.pending = password;
  };
  promote = async (password: string) => {
    this.current = password;
  };
  drop = async () => {
    this.pending = undefined;
  };
}

const quiet = () => undefined;
const call = { signal: new AbortController().signal, report: { info: quiet, warn: quiet, progress: quiet } };
const previous = "the previous one";
let next: string;
let vault: MemoryVault;
let change: PasswordChange;

beforeEach(async () => {
  const db = await trusted();
  await db.query(`ALTER ROLE postgres PASSWORD '${previous}'`);
  next = randomBytes(24).toString("hex");
  vault = new MemoryVault();
  vault.current = previous;
  change = { db, previous, next, asking: tcp(), vault, call, reached: quiet };
});

const letsIn = async (password: string, user?: string) => !((await tryLogin(tcp(user), password)) instanceof Error);

test("the new password is stored, set, tested with the previous one, and then stored as the one in force", async () => {
  const steps: [Step, { current: string | undefined; pending: string | undefined }, boolean][] = [];
  const reached = async (step: Step) => void steps.push([step, await vault.read(), await letsIn(next)]);
  await changePassword({ ...change, reached });
  expect(steps).toEqual([
    ["kept", { current: previous, pending: next }, false],
    ["changed", { current: previous, pending: next }, true],
    ["verified", { current: previous, pending: next }, true],
    ["promoted", { current: next, pending: next }, true],
  ]);
  expect(await letsIn(previous)).toBe(false);
});

test.each<Step>(["kept", "changed", "verified", "promoted"])(
  "ended behind %s: one of the two stored passwords logs in, and the next run finishes",
  async (last) => {
    // Like a kill: the run stops, and its session is cut.
    await new Promise<void>((ended) => {
      const reached = (step: Step) => {
        if (step !== last) return;
        ended();
        return new Promise<void>(() => undefined);
      };
      void changePassword({ ...change, reached });
    });
    (change.db as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();

    const { current = "", pending = "" } = await vault.read();
    const both = [await letsIn(current), await letsIn(pending)];
    expect(both).toEqual(last === "kept" ? [true, false] : last === "promoted" ? [true, true] : [false, true]);

    const again = { ...change, db: await trusted(), previous: current };
    const isInForce = (await readOwnPassword(again.db)).stored === scramVerifier(pending);
    expect(isInForce).toBe(last !== "kept");
    await (isInForce ? finishChange(again) : changePassword(again));
    expect(await vault.read()).toEqual({ current: next, pending: next });
    expect([await letsIn(next), await letsIn(previous)]).toEqual([true, false]);
  },
);

test("a failed test login restores the previous verifier, byte for byte", async () => {
  const md5 = "md53175bce1d3201d16594cebf9d7eb3f9d"; // of "postgres", as an older server keeps it
  await (change.db as pg.Client).query(`ALTER ROLE postgres PASSWORD '${md5}'`);
  // Nothing listens there: no login can test the new one.
  const nowhere = { ...tcp(), port: 1 };
  await expect(changePassword({ ...change, previous: undefined, asking: nowhere })).rejects.toThrow(
    /127\.0\.0\.1:1 refuses the new password: .*The previous password is in force again; nothing was changed/,
  );
  expect((await readOwnPassword(await trusted())).stored).toBe(md5);
  expect(await vault.read()).toEqual({ current: previous, pending: undefined });
});

test("a password that cannot be restored is kept as pending, and the error says so", async () => {
  const db = change.db as pg.Client;
  const reached = (step: Step) => {
    if (step === "changed")
      (db as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  };
  await expect(changePassword({ ...change, reached })).rejects.toThrow(
    /could not be restored: [\s\S]*kept as app-roles:pendingAdminPassword. Fix this and run the command again/,
  );
  expect((await vault.read()).pending).toBe(next);
  expect(await letsIn(next)).toBe(true);
});

test("a failed store after the test leaves the new password in force and kept", async () => {
  vault.promote = async () => {
    throw new Error("no space left on device");
  };
  await expect(changePassword(change)).rejects.toThrow(
    /in force and kept as .*no space left on device\nRun this again/,
  );
  expect([await letsIn(next), vault.pending === next]).toEqual([true, true]);
});

test("a refused statement has changed nothing", async () => {
  await (change.db as pg.Client).query("SET default_transaction_read_only = on");
  await expect(changePassword(change)).rejects.toThrow(/cannot execute ALTER ROLE .*Nothing was changed/);
  expect([await letsIn(previous), vault.pending]).toEqual([true, undefined]);
});

test("a non-superuser admin changes its own password, and the previous one is restored", async () => {
  const admin = await trusted();
  await admin.query(`ALTER ROLE cloud PASSWORD '${previous}'`);
  const own = { ...change, db: await trusted("cloud"), asking: tcp("cloud") };
  expect((await readOwnPassword(own.db)).stored).toBeUndefined();
  await expect(changePassword({ ...own, asking: { ...tcp("cloud"), port: 1 } })).rejects.toThrow(/in force again/);
  expect(await letsIn(previous, "cloud")).toBe(true);
  await changePassword(own);
  expect([await letsIn(next, "cloud"), await letsIn(previous, "cloud")]).toEqual([true, false]);
});

test("neither a plaintext password nor the previous verifier reaches the server's log", async () => {
  const { readFile } = await import("node:fs/promises");
  const db = change.db as pg.Client;
  await db.query("SET log_statement = 'all'");
  const { stored } = await readOwnPassword(db);
  await changePassword({ ...change, asking: { ...tcp(), port: 1 } }).catch(quiet);
  const log = await readFile(postgres.logFile, "utf8");
  expect(log).toContain(scramVerifier(next)); // it was logged, so the rest would be
  expect(log).not.toContain(next);
  expect(log).not.toContain(stored);
});

test("an address that requires no password proves nothing; the services' address is used instead", async () => {
  const server = completeServer({ host: "127.0.0.1", port: postgres.port, admin: { host: folder } });
  const { identity } = await readOwnPassword(change.db);
  const asking = await whereAsked(addressesOf(server), previous, identity);
  expect(asking).toEqual({ address: expect.objectContaining({ host: "127.0.0.1" }) });
  const socket = completeServer({ host: folder, port: postgres.port });
  expect(await whereAsked(addressesOf(socket), previous, identity)).toEqual({
    reasons: [expect.stringContaining("(Unix socket) requires no password")],
  });
  const stale = await whereAsked([tcp()], "not the one", identity);
  expect(stale).toEqual({ reasons: [expect.stringContaining("refuses the stack's password")] });
  const other = await whereAsked([tcp()], previous, "another start");
  expect(other).toEqual({ reasons: [expect.stringContaining("is another server")] });
  await setStoredPassword(change.db, "postgres", null);
  expect(await whereAsked([tcp()], undefined, identity)).toEqual({ address: tcp() });
});

test("sessions of the user are listed by program and address, without our own", async () => {
  const client = new pg.Client({ ...tcp(), password: previous, application_name: "payroll job" });
  await client.connect();
  clients.push(client);
  const found = await watchSessions(change.db, "postgres", 0, quiet);
  expect(found).toContainEqual(
    expect.objectContaining({
      name: "session/payroll job@127.0.0.1",
      found: expect.stringMatching(/^1 session in postgres/),
    }),
  );
  expect((await watchSessions(change.db, "cloud", 0, quiet)).map(({ name }) => name)).toEqual([
    "session/unnamed@local",
  ]);
});

test("the expiry of a password and read-only sessions are detected", async () => {
  const cloud = await trusted("cloud");
  const stands = async () => readOwnPassword(cloud);
  expect(await stands()).toMatchObject({
    user: "cloud",
    endsAt: undefined,
    hasExpired: false,
    isReadOnly: false,
    isStandby: false,
  });
  await (change.db as pg.Client).query("ALTER ROLE cloud VALID UNTIL '2001-01-01 UTC'");
  await cloud.query("SET default_transaction_read_only = on");
  expect(await stands()).toMatchObject({
    endsAt: expect.stringMatching(/^2001|^2000/),
    hasExpired: true,
    isReadOnly: true,
  });
  await (change.db as pg.Client).query("ALTER ROLE cloud VALID UNTIL 'infinity'");
  expect(await stands()).toMatchObject({ endsAt: undefined, hasExpired: false });
});
