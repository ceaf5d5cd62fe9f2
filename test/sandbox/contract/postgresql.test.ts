import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type PropertyMap, reveal, Secret } from "../../../provider/rpc/values.ts";
import { type Postgres, startPostgres } from "../../../sandbox/postgres/server.ts";
import { PluginProcess } from "../../provider/rpc/plugin-process.ts";
import { pluginCommand } from "./plugins.ts";
import { Resource } from "./resource.ts";

let server: Postgres;
let admin: pg.Client;
let plugin: PluginProcess;
let count = 0;
let name: string;

beforeAll(async () => {
  server = await startPostgres({ settings: { log_statement: "ddl" } });
  admin = await login();
  await admin.query("CREATE DATABASE elsewhere");
  plugin = await start();
});
afterAll(async () => {
  await plugin.stop();
  await admin.end();
  await server.stop();
});
beforeEach(() => {
  name = `role ${++count} "of" o'test`;
});

/** Starts the plugin with the configuration in the SDK's format: strings, and JSON in strings. */
async function start(config: PropertyMap = {}): Promise<PluginProcess> {
  const started = await PluginProcess.start(pluginCommand("postgresql"));
  const news = {
    host: server.host,
    port: JSON.stringify(server.port),
    username: server.user,
    password: server.password,
    sslmode: "disable",
    maxConnections: "1",
    connectTimeout: "10",
    ...config,
  };
  const { inputs, failures } = await started.checkConfig(news);
  expect(failures).toEqual([]);
  await started.configure({ ...inputs, password: new Secret(inputs.password ?? null) }, "postgresql");
  return started;
}

async function login(database = "postgres", as = { user: server.user, password: server.password }): Promise<pg.Client> {
  const client = new pg.Client({ host: server.host, port: server.port, database, ...as });
  await client.connect();
  return client;
}

function role(driven = plugin): Resource {
  return new Resource(driven, "postgresql:index/role:Role");
}

async function create(inputs: PropertyMap): Promise<Resource> {
  const resource = role();
  expect(await resource.up({ name, ...inputs })).toBe("create");
  return resource;
}

const id = pg.escapeIdentifier;

async function catalog(roleName = name) {
  const { rows } = await admin.query(
    `SELECT rolcanlogin, rolconnlimit, rolsuper, rolcreatedb, rolcreaterole, rolinherit, rolreplication, rolbypassrls,
            rolvaliduntil::text, rolconfig
     FROM pg_roles WHERE rolname = $1`,
    [roleName],
  );
  return rows[0];
}

async function passwordInCatalog(): Promise<string> {
  const { rows } = await admin.query("SELECT rolpassword FROM pg_authid WHERE rolname = $1", [name]);
  return rows[0].rolpassword;
}

async function groups(): Promise<string[]> {
  const { rows } = await admin.query(
    `SELECT roleid::regrole::text AS granted FROM pg_auth_members
     WHERE member = (SELECT oid FROM pg_roles WHERE rolname = $1) ORDER BY 1`,
    [name],
  );
  return rows.map(({ granted }) => granted);
}

/** A password in the format that PostgreSQL stores (RFC 5803). */
function verifier(password: string): string {
  const salt = randomBytes(16);
  const salted = pbkdf2Sync(password, salt, 4096, 32, "sha256");
  const hmac = (text: string) => createHmac("sha256", salted).update(text).digest();
  const stored = createHash("sha256").update(hmac("Client Key")).digest("base64");
  return `SCRAM-SHA-256$4096:${salt.toString("base64")}$${stored}:${hmac("Server Key").toString("base64")}`;
}

describe("a new role", () => {
  test("has its name as id and PostgreSQL's defaults", async () => {
    const { state, outputs } = await create({});
    expect(state?.id).toBe(name);
    expect(await catalog()).toEqual({
      rolcanlogin: false,
      rolconnlimit: -1,
      rolsuper: false,
      rolcreatedb: false,
      rolcreaterole: false,
      rolinherit: true,
      rolreplication: false,
      rolbypassrls: false,
      rolvaliduntil: "infinity",
      rolconfig: null,
    });
    expect(outputs).toMatchObject({
      id: name,
      name,
      login: false,
      connectionLimit: -1,
      superuser: false,
      createDatabase: false,
      createRole: false,
      inherit: true,
      replication: false,
      bypassRowLevelSecurity: false,
      encryptedPassword: true,
      validUntil: "infinity",
      skipDropRole: false,
      skipReassignOwned: false,
    });
  });

  test("has the declared attributes", async () => {
    await admin.query('CREATE ROLE readers; CREATE ROLE "Odd, one"');
    const resource = await create({
      login: true,
      connectionLimit: 30,
      createDatabase: true,
      createRole: true,
      inherit: false,
      replication: true,
      bypassRowLevelSecurity: true,
      superuser: true,
      validUntil: "2031-02-03 04:05:06+00",
      searchPaths: ["tracksolid", "Odd one", "$user"],
      statementTimeout: 60000,
      idleInTransactionSessionTimeout: 300000,
      roles: ["readers", "Odd, one"],
      assumeRole: "readers",
    });
    expect(await catalog()).toMatchObject({
      rolcanlogin: true,
      rolconnlimit: 30,
      rolcreatedb: true,
      rolcreaterole: true,
      rolinherit: false,
      rolreplication: true,
      rolbypassrls: true,
      rolsuper: true,
    });
    expect((await catalog()).rolconfig.sort()).toEqual([
      "idle_in_transaction_session_timeout=300000",
      "role=readers",
      'search_path=tracksolid, "Odd one", "$user"',
      "statement_timeout=60000",
    ]);
    expect(await groups()).toEqual(['"Odd, one"', "readers"]);
    expect(resource.outputs).toMatchObject({
      searchPaths: ["tracksolid", "Odd one", "$user"],
      statementTimeout: 60000,
      idleInTransactionSessionTimeout: 300000,
      assumeRole: "readers",
    });
    expect(new Set(resource.outputs.roles as string[])).toEqual(new Set(["readers", "Odd, one"]));
  });

  test("is not created by a preview, which returns its outputs", async () => {
    const { step, outputs } = await role().preview({ name, connectionLimit: 5 });
    expect(step).toBe("create");
    expect(outputs).toMatchObject({ name, connectionLimit: 5 });
    expect(await catalog()).toBeUndefined();
  });

  test("is created completely or not at all", async () => {
    await expect(create({ roles: ["missing role"] })).rejects.toThrow(/missing role/);
    expect(await catalog()).toBeUndefined();
  });

  test("that exists already is an error", async () => {
    await admin.query(`CREATE ROLE ${id(name)}`);
    await expect(create({})).rejects.toThrow(/already exists/);
  });

  test("can be imported if it exists", async () => {
    await admin.query(`CREATE ROLE ${id(name)} LOGIN CONNECTION LIMIT 4`);
    const resource = role();
    await resource.import(name);
    expect(resource.outputs).toMatchObject({ name, login: true, connectionLimit: 4 });
    expect(await resource.up({ name, login: true, connectionLimit: 4 })).toBe("same");
    expect(await resource.up({ name, login: true, connectionLimit: 5 })).toBe("update");
    expect(await catalog()).toMatchObject({ rolconnlimit: 5, rolcanlogin: true });
  });

  test.each([
    ["connectionLimit", { connectionLimit: -2 }],
    ["statementTimeout", { statementTimeout: -1 }],
    ["idleInTransactionSessionTimeout", { idleInTransactionSessionTimeout: -1 }],
  ])("with a %s out of range is refused", async (property, inputs) => {
    await expect(create(inputs)).rejects.toThrow(property);
  });
});

describe("a role in the state", () => {
  test("does not change in later ups and refreshes", async () => {
    await admin.query("CREATE ROLE g1; CREATE ROLE g2");
    const inputs = {
      name,
      login: true,
      password: verifier("s3cret"),
      connectionLimit: 8,
      searchPaths: ["a", "b"],
      statementTimeout: 1000,
      roles: ["g2", "g1"],
    };
    const resource = await create(inputs);
    expect(await resource.up(inputs)).toBe("same");
    await resource.refresh();
    expect(await resource.up(inputs)).toBe("same");
    expect(await resource.up({ ...inputs, roles: ["g1", "g2"] })).toBe("same");
  });

  test("is updated in place, including its name, and never replaced", async () => {
    const resource = await create({ login: true, password: verifier("s3cret"), connectionLimit: 8 });
    const previous = name;
    name = `${name} renamed`;
    const inputs = { name, superuser: true, connectionLimit: 9, validUntil: "2031-01-01", createRole: true };
    expect(await resource.up(inputs)).toBe("update");
    expect(await catalog(previous)).toBeUndefined();
    expect(await catalog()).toMatchObject({ rolcanlogin: false, rolsuper: true, rolconnlimit: 9, rolcreaterole: true });
    expect(resource.outputs.name).toBe(name);
  });

  test("is not changed by a preview", async () => {
    const resource = await create({ connectionLimit: 8 });
    const { step, outputs } = await resource.preview({ name, connectionLimit: 9 });
    expect(step).toBe("update");
    expect(outputs.connectionLimit).toBe(9);
    expect(await catalog()).toMatchObject({ rolconnlimit: 8 });
  });

  test("that was changed manually is fixed after a refresh", async () => {
    const inputs = { name, login: true, connectionLimit: 8, statementTimeout: 1000 };
    const resource = await create(inputs);
    await admin.query(`ALTER ROLE ${id(name)} CONNECTION LIMIT 99 CREATEDB`);
    await admin.query(`ALTER ROLE ${id(name)} SET statement_timeout = 7000`);
    await admin.query(`ALTER ROLE ${id(name)} SET idle_in_transaction_session_timeout = 7000`);
    await resource.refresh();
    expect(resource.outputs).toMatchObject({ connectionLimit: 99, createDatabase: true, statementTimeout: 7000 });
    expect(await resource.up(inputs)).toBe("update");
    expect(await catalog()).toMatchObject({
      rolconnlimit: 8,
      rolcreatedb: false,
      rolconfig: ["statement_timeout=1000"],
    });
  });

  test("that was dropped manually is removed from the state and created again", async () => {
    const resource = await create({ connectionLimit: 8 });
    await admin.query(`DROP ROLE ${id(name)}`);
    await resource.refresh();
    expect(resource.state).toBeUndefined();
    expect(await resource.up({ name, connectionLimit: 8 })).toBe("create");
  });

  test("gets its search path and memberships rewritten by every update, and keeps other settings", async () => {
    await admin.query("CREATE ROLE declared; CREATE ROLE by_hand");
    const inputs = { name, searchPaths: ["declared"], roles: ["declared"] };
    const resource = await create(inputs);
    await admin.query(`GRANT by_hand TO ${id(name)}`);
    await admin.query(`ALTER ROLE ${id(name)} SET search_path = by_hand`);
    await admin.query(`ALTER ROLE ${id(name)} SET idle_session_timeout = '30min'`);
    expect(await resource.up({ ...inputs, connectionLimit: 3 })).toBe("update");
    expect((await catalog()).rolconfig.sort()).toEqual(["idle_session_timeout=30min", "search_path=declared"]);
    expect(await groups()).toEqual(["declared"]);
    expect(await resource.up({ name, connectionLimit: 3 })).toBe("update");
    expect((await catalog()).rolconfig).toEqual(["idle_session_timeout=30min"]);
    expect(await groups()).toEqual([]);
  });

  test("loses a timeout that is no longer declared", async () => {
    const resource = await create({ statementTimeout: 1000, idleInTransactionSessionTimeout: 2000 });
    expect(await resource.up({ name, statementTimeout: 1000 })).toBe("update");
    expect(await catalog()).toMatchObject({ rolconfig: ["statement_timeout=1000"] });
  });

  test.each(["statement_timeout", "idle_in_transaction_session_timeout"])(
    "with a %s that is not an integer cannot be refreshed (#161)",
    async (setting) => {
      const resource = await create({});
      await admin.query(`ALTER ROLE ${id(name)} SET ${setting} = '5min'`);
      await expect(resource.refresh()).rejects.toThrow(/error reading \w+: .*"5min".* invalid syntax/);
    },
  );
});

describe("a password", () => {
  test("is secret, and can be used to log in", async () => {
    const resource = await create({ login: true, password: "plain as day" });
    expect(resource.state?.inputs.password).toBeInstanceOf(Secret);
    expect(resource.state?.outputs.password).toBeInstanceOf(Secret);
    expect(reveal(resource.state?.outputs.password ?? null)).toBe("plain as day");
    await (await login("postgres", { user: name, password: "plain as day" })).end();
  });

  test("appears in the server's log as plain text, but not as a verifier", async () => {
    const [logged, unlogged] = [randomBytes(24).toString("hex"), randomBytes(24).toString("hex")];
    await create({ login: true, password: logged });
    name = `${name} too`;
    await create({ login: true, password: verifier(unlogged) });
    await (await login("postgres", { user: name, password: unlogged })).end();
    const log = await readFile(server.logFile, "utf8");
    expect(log).toContain(logged);
    expect(log).not.toContain(unlogged);
  });

  test("given as a verifier is stored unchanged, and a manual change is fixed", async () => {
    const inputs = { name, login: true, password: verifier("one") };
    const resource = await create(inputs);
    expect(await passwordInCatalog()).toBe(inputs.password);
    await resource.refresh();
    expect(await resource.up(inputs)).toBe("same");
    await admin.query(`ALTER ROLE ${id(name)} PASSWORD 'manual'`);
    await resource.refresh();
    expect(await resource.up(inputs)).toBe("update");
    expect(await passwordInCatalog()).toBe(inputs.password);
  });

  test("given as plain text hides a manual change, since the server stores a verifier", async () => {
    const inputs = { name, login: true, password: "plain" };
    const resource = await create(inputs);
    await admin.query(`ALTER ROLE ${id(name)} PASSWORD 'manual'`);
    await resource.refresh();
    expect(await resource.up(inputs)).toBe("same");
  });

  test("given as plain text is compared with an md5 hash", async () => {
    const inputs = { name, login: true, password: "plain" };
    const resource = await create(inputs);
    const md5 = (text: string) =>
      `md5${createHash("md5")
        .update(text + name)
        .digest("hex")}`;
    await admin.query(`ALTER ROLE ${id(name)} PASSWORD '${md5("plain")}'`);
    await resource.refresh();
    expect(await resource.up(inputs)).toBe("same");
    await admin.query(`ALTER ROLE ${id(name)} PASSWORD '${md5("manual")}'`);
    await resource.refresh();
    expect(await resource.up(inputs)).toBe("update");
  });

  test("changes with its input, and stays if it is no longer declared", async () => {
    const resource = await create({ login: true, password: verifier("one") });
    const two = verifier("two");
    expect(await resource.up({ name, login: true, password: two })).toBe("update");
    expect(await passwordInCatalog()).toBe(two);
    expect(await resource.up({ name, login: true })).toBe("update");
    expect(await passwordInCatalog()).toBe(two);
    expect(await resource.up({ name, login: true })).toBe("same");
  });
});

describe("a deleted role", () => {
  async function tableOwner(client: pg.Client): Promise<string> {
    const { rows } = await client.query("SELECT tableowner FROM pg_tables WHERE tablename = $1", [name]);
    return rows[0]?.tableowner;
  }

  async function own(client: pg.Client): Promise<void> {
    await client.query(`CREATE TABLE ${id(name)} (); ALTER TABLE ${id(name)} OWNER TO ${id(name)}`);
  }

  test("passes its objects in the plugin's database to the admin, and loses its privileges there", async () => {
    const resource = await create({});
    await own(admin);
    await admin.query(`GRANT CONNECT ON DATABASE postgres TO ${id(name)}`);
    await resource.destroy();
    expect(await catalog()).toBeUndefined();
    expect(await tableOwner(admin)).toBe("postgres");
  });

  test("stays unchanged if it owns an object in another database", async () => {
    const resource = await create({});
    await own(admin);
    const elsewhere = await login("elsewhere");
    await own(elsewhere);
    await expect(resource.destroy()).rejects.toThrow(/could not be dropped|cannot be dropped/);
    expect(await catalog()).toBeDefined();
    expect(await tableOwner(admin)).toBe(name);
    expect(await tableOwner(elsewhere)).toBe(name);
    await elsewhere.end();
  });

  test("stays with skipDropRole, but loses its objects", async () => {
    const resource = await create({ skipDropRole: true });
    await own(admin);
    await resource.destroy();
    expect(await catalog()).toBeDefined();
    expect(await tableOwner(admin)).toBe("postgres");
  });

  test("stays with skipReassignOwned while it owns an object", async () => {
    const resource = await create({ skipReassignOwned: true });
    await own(admin);
    await expect(resource.destroy()).rejects.toThrow(/cannot be dropped/);
    await admin.query(`DROP TABLE ${id(name)}`);
    await resource.destroy();
    expect(await catalog()).toBeUndefined();
  });
});

describe("the plugin's sessions", () => {
  const sessions = async () => {
    const { rows } = await admin.query(
      "SELECT wait_event_type FROM pg_stat_activity WHERE application_name = 'Terraform provider'",
    );
    return { all: rows.length, waiting: rows.filter((row) => row.wait_event_type === "Lock").length };
  };

  /** Holds the advisory lock that every update of a matching role takes first, until the returned function is called. */
  async function hold(prefix: string): Promise<() => Promise<void>> {
    const holder = await login();
    await holder.query("SELECT pg_advisory_lock(oid::bigint) FROM pg_roles WHERE starts_with(rolname, $1)", [prefix]);
    return () => holder.end();
  }

  /** Polls until it is true, up to the test's timeout. */
  async function until(holds: () => Promise<boolean>): Promise<void> {
    while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  test.each([1, 2])("have the official application_name and never exceed maxConnections (%i)", async (most) => {
    const driven = await start({ maxConnections: String(most) });
    const resources = await Promise.all(
      [1, 2, 3, 4].map(async (number) => {
        const resource = role(driven);
        await resource.up({ name: `${name} ${number}` });
        return { resource, own: `${name} ${number}` };
      }),
    );
    const letGo = await hold(name);
    const updates = Promise.all(resources.map(({ resource, own }) => resource.up({ name: own, connectionLimit: 1 })));
    await until(async () => (await sessions()).waiting >= most);
    // The official plugin shuffles its connection parameters and has one pool for each order, so it can open more.
    const isOfficial = pluginCommand("postgresql").length === 1;
    expect((await sessions()).all).toBeLessThanOrEqual(isOfficial ? 6 * most : most);
    await letGo();
    expect(await updates).toEqual(["update", "update", "update", "update"]);
    await until(async () => (await sessions()).all === 0);
    await driven.stop();
  });

  test("continue if the plugin is cancelled, and finish the current change", async () => {
    const driven = await start();
    const resource = role(driven);
    await resource.up({ name });
    const letGo = await hold(name);
    const update = resource.up({ name, connectionLimit: 1 });
    await until(async () => (await sessions()).waiting === 1);
    await driven.call("cancel");
    expect((await sessions()).waiting).toBe(1);
    await letGo();
    expect(await update).toBe("update");
    expect(await catalog()).toMatchObject({ rolconnlimit: 1 });
    await driven.stop();
  });

  test("outlive a killed plugin while they wait; then the server rolls back their change", async () => {
    const driven = await start();
    const resource = role(driven);
    await resource.up({ name });
    const letGo = await hold(name);
    const update = resource.up({ name, connectionLimit: 1 }).catch((error: unknown) => error);
    await until(async () => (await sessions()).waiting === 1);
    driven.signal("SIGKILL");
    expect(await update).toBeInstanceOf(Error);
    expect((await sessions()).waiting).toBe(1);
    await letGo();
    await until(async () => (await sessions()).all === 0);
    expect(await catalog()).toMatchObject({ rolconnlimit: -1 });
  });

  test("that cannot be opened report the reason, without the password", async () => {
    const driven = await start({ password: "not the password" });
    const refused = await role(driven)
      .up({ name })
      .catch((error: Error) => error);
    expect(String(refused)).toMatch(/password authentication failed/);
    expect(String(refused)).not.toContain("not the password");
    await driven.stop();
  });
});
