import { execFileSync } from "node:child_process";
import { chmod, chown, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { connectionBudget } from "../../provider/budget/resource.ts";
import { pgaccess } from "../../provider/pgaccess.ts";
import { login, Server, type ServerAddress } from "../../provider/postgres/connection.ts";
import { type PostgresOptions, serverAccount, startPostgres } from "../../sandbox/postgres/server.ts";
import { observe } from "../provider/observe.ts";
import { Gatekeeper } from "./gatekeeper.ts";
import { PluginStack } from "./plugin-stack.ts";

const declared = { schemas: ["app"], owner: "shop_owner", writer: "shop_writer", reader: "shop_reader" };

/** Cleanups of a test, run in reverse order. */
const made: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const undo of made.splice(0).toReversed()) await undo();
});

interface Shop {
  address: ServerAddress;
  admin: pg.Client;
  stack: PluginStack;
}

/** A server with a schema of `tables` tables, and a stack that declares it, optionally at another address. */
async function shop(tables: number, options: PostgresOptions = {}, via?: Partial<ServerAddress>): Promise<Shop> {
  const postgres = await startPostgres(options);
  made.push(() => postgres.stop());
  const { host, port, user, password } = postgres;
  const address = { host, port, user, password, database: "postgres", sslmode: "disable" };
  const admin = await connect(address);
  await admin.query(`CREATE SCHEMA app`);
  await admin.query(
    `DO $$ BEGIN FOR i IN 1..${tables} LOOP EXECUTE format('CREATE TABLE app.t%s (id int)', i); COMMIT; END LOOP; END $$`,
  );
  return { address, admin, stack: await stackAt({ ...address, ...via }, admin) };
}

async function connect({ host, port, user, password }: ServerAddress, database = "postgres"): Promise<pg.Client> {
  const client = new pg.Client({ host, port, user, password, database });
  client.on("error", () => undefined);
  await client.connect();
  made.push(() => client.end().catch(() => undefined));
  return client;
}

async function stackAt(address: ServerAddress, admin: pg.Client): Promise<PluginStack> {
  const stack = new PluginStack(address, admin, { ...declared, database: "postgres" });
  made.push(() => stack.close());
  return stack;
}

const refusal = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "it succeeded",
    (error: Error) => error.message,
  );

test("a starting server is waited for; one that never starts is reported with the fix", async () => {
  const { address, admin, stack: direct } = await shop(1);
  await direct.close();
  const keeper = await Gatekeeper.start(address);
  made.push(() => keeper.stop());
  const starting = { code: "57P03", message: "the database system is starting up" };
  const stack = await stackAt({ ...address, port: keeper.port }, admin);
  keeper.refusals.push(starting);
  expect(Object.keys(await stack.preview())).toContain("Ownership");

  keeper.cut();
  keeper.refusals.push(starting, starting, starting);
  const late = await stackAt({ ...address, port: keeper.port }, admin);
  const said = await refusal(late.preview());
  expect(said).toContain("the database system is starting up (57P03)");
  expect(said).toContain("wait and run this again");
});

test("a failover during an up: the up fails with the lost connection, and the next one finishes", async () => {
  const { address, admin, stack: direct } = await shop(200);
  await direct.close();
  const before = await observe(admin);
  const keeper = await Gatekeeper.start(address);
  made.push(() => keeper.stop());
  const stack = await stackAt({ ...address, port: keeper.port }, admin);
  let moves = 0;
  keeper.onMessage = (text) => {
    moves += text.split("OWNER TO").length - 1;
    if (moves < 80) return;
    keeper.onMessage = undefined;
    keeper.cut();
  };
  const said = await refusal(stack.up());
  expect(said).toMatch(/app\.t\d+/);
  expect(said).toMatch(/connection|57P01/i);
  // The server finds the lost connection when it next writes to it.
  const locks = () => admin.query("SELECT 1 FROM pg_locks WHERE locktype = 'advisory'");
  await expect.poll(async () => (await locks()).rows, { timeout: 20_000 }).toEqual([]);

  await stack.up();
  expect(await stack.preview()).toEqual({});
  await stack.destroy();
  expect(await observe(admin)).toEqual(before);
});

describe("a full server", () => {
  const options = { maxConnections: 6, settings: { superuser_reserved_connections: 2 } };
  let full: Shop;
  let crowd: pg.Client[];
  beforeEach(async () => {
    full = await shop(1, options);
    await full.admin.query(
      "CREATE ROLE crowd LOGIN PASSWORD 'crowd'; CREATE ROLE boss LOGIN SUPERUSER PASSWORD 'boss'",
    );
    crowd = [];
  });
  const fill = async (user: string) => {
    const code = await connect({ ...full.address, user, password: user }).then(
      (client) => crowd.push(client),
      (error: pg.DatabaseError) => error.code,
    );
    if (typeof code === "number") await fill(user);
    else expect(code).toBe("53300");
  };

  test("with free reserved slots can be planned", async () => {
    await fill("crowd");
    expect(Object.keys(await full.stack.preview())).toContain("Ownership");
  });

  test("without a free slot is reported with the fix; nothing is changed, and the next up succeeds once a slot is free", async () => {
    await fill("boss");
    const before = await observe(full.admin);
    const said = await refusal(full.stack.preview());
    expect(said).toContain("too many clients already (53300)");
    expect(said).toContain("Stop a service that holds idle sessions");
    expect(await observe(full.admin)).toEqual(before);
    await crowd[0]?.end();
    expect(Object.keys(await full.stack.preview())).toContain("Ownership");
  });
});

test("an up of many tables fits in a small lock table: owners move one by one, GRANTs are committed in slices", async () => {
  const settings = { max_locks_per_transaction: 10, max_prepared_transactions: 0 };
  const { admin, stack } = await shop(1500, { maxConnections: 10, settings });
  const before = await observe(admin);
  await stack.up();
  expect(await stack.preview()).toEqual({});
  await stack.destroy();
  expect(await observe(admin)).toEqual(before);
});

test("the admin's own timeouts do not interrupt an up", async () => {
  const { admin, stack } = await shop(50);
  await admin.query("ALTER ROLE postgres SET statement_timeout = '50ms'");
  await admin.query("ALTER ROLE postgres SET idle_in_transaction_session_timeout = '200ms'");
  await admin.query("ALTER ROLE postgres SET idle_session_timeout = '200ms'");
  await admin.query("ALTER ROLE postgres SET default_transaction_read_only = on");
  await stack.up();
  expect(await stack.preview()).toEqual({});
});

test("a standby is refused in the preview, with the fix", async () => {
  const postgres = await startPostgres({ isStandby: true });
  made.push(() => postgres.stop());
  const { host, port, user, password } = postgres;
  const address = { host, port, user, password, database: "postgres", sslmode: "disable" };
  const server = new Server(address);
  made.push(() => server.close());
  const { failures } = await connectionBudget(server).plan({ ceiling: 95, entries: [] }, undefined, {});
  expect(failures?.map(({ reason }) => reason)).toEqual([
    expect.stringMatching(/is a standby and cannot be changed: .* app-roles:server\.admin .* primary/),
  ]);
});

describe("TLS", () => {
  let folder: string;
  let secure: ServerAddress;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "app-roles-tls-"));
    const account = await serverAccount();
    for (const [name, host] of Object.entries({ ours: "IP:127.0.0.1", elsewhere: "DNS:elsewhere.example" })) {
      const request =
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test -addext";
      const files = ["-keyout", `${name}.key`, "-out", `${name}.crt`];
      execFileSync("openssl", [...request.split(" "), `subjectAltName=${host}`, ...files], {
        cwd: folder,
        stdio: "pipe",
      });
      await chmod(join(folder, `${name}.key`), 0o600);
      if (account) await chown(join(folder, `${name}.key`), account.uid, account.gid);
    }
    await chmod(folder, 0o755);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  afterEach(() => vi.unstubAllEnvs());

  const startSecure = async (certificate: string): Promise<void> => {
    const [ssl_cert_file, ssl_key_file] = ["crt", "key"].map((end) => join(folder, `${certificate}.${end}`)) as [
      string,
      string,
    ];
    const postgres = await startPostgres({ settings: { ssl: "on", ssl_cert_file, ssl_key_file } });
    made.push(() => postgres.stop());
    const { host, port, user, password } = postgres;
    secure = { host, port, user, password, database: "postgres", sslmode: "verify-full" };
  };
  const isEncrypted = async (more: Partial<ServerAddress> = {}): Promise<unknown> => {
    const client = await login({ ...secure, ...more }, "postgres", "app-roles");
    made.push(() => client.end());
    return (await client.query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")).rows[0].ssl;
  };

  test("verify-full accepts a server with a certificate of a private CA, and refuses an unknown one", async () => {
    await startSecure("ours");
    vi.stubEnv("PGSSLROOTCERT", join(folder, "ours.crt"));
    expect(await isEncrypted()).toBe(true);
    vi.stubEnv("PGSSLROOTCERT", join(folder, "elsewhere.crt"));
    expect(await refusal(isEncrypted())).toMatch(/self.signed certificate/);
    expect(await refusal(isEncrypted())).toMatch(/app-roles:server\.sslrootcert/);
  });

  test("sslrootcert overrides PGSSLROOTCERT, turns require into verify-ca, and is reported if it cannot be read", async () => {
    await startSecure("ours");
    const sslrootcert = join(folder, "ours.crt");
    vi.stubEnv("PGSSLROOTCERT", join(folder, "elsewhere.crt"));
    expect(await isEncrypted({ sslrootcert })).toBe(true);
    expect(await isEncrypted({ sslrootcert, sslmode: "require" })).toBe(true);
    // As libpq and the driver of the official provider.
    expect(await refusal(isEncrypted({ sslmode: "require" }))).toMatch(/self.signed certificate/);
    vi.stubEnv("PGSSLROOTCERT", join(folder, "none.crt"));
    expect(await isEncrypted({ sslmode: "require" })).toBe(true);
    expect(await refusal(isEncrypted({ sslrootcert: join(folder, "none.crt") }))).toMatch(
      /\S+none\.crt cannot be read \(ENOENT\)\. .*app-roles:server\.sslrootcert/,
    );
    expect(await refusal(isEncrypted({ sslrootcert: join(folder, "ours.key") }))).toMatch(
      /ours\.key contains no certificate in PEM format/,
    );
    const { sslrootcert: _, ...address } = secure;
    const config = { ...address, port: String(secure.port), password: "" };
    const failures = async (more: Record<string, string>) =>
      (await pgaccess().checkConfig({ ...config, ...more })).failures;
    expect(await failures({ sslrootcert })).toEqual([]);
    expect(await failures({ sslrootcert: "none.crt" })).toEqual([
      { property: "sslrootcert", reason: "none.crt cannot be read (ENOENT)" },
    ]);
    expect(await failures({ sslrootcert, sslmode: "disable" })).toEqual([
      { property: "sslrootcert", reason: expect.stringContaining("has no effect with sslmode disable") },
    ]);
  });

  test("verify-full refuses a name that is not in the certificate; verify-ca accepts it", async () => {
    await startSecure("elsewhere");
    vi.stubEnv("PGSSLROOTCERT", join(folder, "elsewhere.crt"));
    expect(await refusal(isEncrypted())).toMatch(/not in the cert's list/);
    expect(await isEncrypted({ sslmode: "verify-ca" })).toBe(true);
  });
});
