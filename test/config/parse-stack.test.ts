import { describe, expect, test } from "vitest";
import { ConfigError } from "../../config/config-error.ts";
import { parseStack } from "../../config/parse-stack.ts";
import { allKeys } from "../../config/schema/keys.ts";
import { budgetEntries } from "../../model/stack.ts";
import { changed, runbookConfig } from "./runbook-config.ts";

/** Refusals as `path: message`. */
function problems(config: Record<string, unknown>): string[] {
  try {
    parseStack(config);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
  return [];
}

describe("a valid configuration", () => {
  test("is completed with defaults", () => {
    expect(parseStack(runbookConfig())).toEqual({
      server: {
        host: "timescale_db",
        port: 5432,
        admin: {
          host: "127.0.0.1",
          port: 5432,
          user: "postgres",
          database: "postgres",
          sslmode: "disable",
          superuser: true,
        },
      },
      adminPassword: undefined,
      ceiling: 95,
      rehearse: false,
      databases: {
        tracksolid_db: {
          schemas: ["tracksolid", "reporting"],
          owner: "tracksolid_owner",
          keepOwner: { "reporting.v_trips": "reporting_refresher" },
          alsoOwn: ["public.schema_migrations"],
          rehearseSql: [],
          exclusive: false,
          revokeFromPublic: [],
        },
        fleet_platform: {
          schemas: ["fleet"],
          owner: undefined,
          keepOwner: {},
          alsoOwn: [],
          rehearseSql: [],
          exclusive: false,
          revokeFromPublic: [],
        },
      },
      roles: {
        tracksolid_owner: {
          connectionLimit: 30,
          adopt: false,
          access: { tracksolid_db: "owner" },
          grants: {},
          exclusive: false,
          settings: {},
        },
        dashboard_app: {
          connectionLimit: 8,
          adopt: false,
          access: { tracksolid_db: "reader" },
          grants: {},
          exclusive: false,
          settings: {},
        },
        gateway_app: {
          connectionLimit: 15,
          adopt: false,
          access: { fleet_platform: "writer" },
          grants: {},
          exclusive: false,
          settings: {},
        },
      },
      existingRoles: { reporting_refresher: { connectionLimit: 3, enforce: false, settings: {} } },
      services: [
        ["dashboard_api", "tracksolid_db", "dashboard_app", false],
        ["worker", "tracksolid_db", "tracksolid_owner", true],
        ["gateway", "fleet_platform", "gateway_app", "unconfirmed"],
      ].map(([name, database, role, migrates]) => ({
        name,
        database,
        role,
        migrates,
        connectAs: "legacy",
        urlKey: "DATABASE_URL",
        pool: { max: 4, replicas: 1, surge: 0 },
        runtime: "external",
        urlFrom: "env",
        gate: { timeout: 60_000, soak: 300_000, patterns: [], ignore: [] },
      })),
      serviceSecrets: {},
      maxCutoversPerUp: 1,
      migrationComplete: false,
    });
  });

  test("enforces the limit of an existing role only with a database that records the previous one", () => {
    const config = { server: { host: "db" }, existingRoles: { bi: { connectionLimit: "5", enforce: "true" } } };
    expect(problems(config)).toEqual([
      expect.stringMatching(/^app-roles:existingRoles.bi.enforce: needs at least one/),
    ]);
    const adopting = { server: { host: "db" }, roles: { bi: { connectionLimit: 5, adopt: true } } };
    expect(problems(adopting)).toEqual([expect.stringMatching(/^app-roles:roles.bi.adopt: needs at least one/)]);
    expect(parseStack({ ...config, databases: { shop: { schemas: ["shop"] } } }).existingRoles).toEqual({
      bi: { connectionLimit: 5, enforce: true, settings: {} },
    });
  });

  test("may be the JSON that Pulumi passes to a program", () => {
    const json = Object.entries({ ...runbookConfig(), ceiling: 95 }).map(([key, value]) => [
      key,
      JSON.stringify(value),
    ]);
    expect(parseStack(Object.fromEntries(json))).toEqual(parseStack(runbookConfig()));
  });

  test("may quote its numbers and booleans", () => {
    const config = {
      ...changed("services.worker", {
        database: "tracksolid_db",
        role: "tracksolid_owner",
        connectAs: "role",
        migrates: "true",
        pool: { max: "8", replicas: "2", surge: "1" },
      }),
      ceiling: "60",
    };
    const stack = parseStack(config);
    expect(stack.ceiling).toBe(60);
    expect(stack.services[1]).toMatchObject({ migrates: true, pool: { max: 8, replicas: 2, surge: 1 } });
    expect(parseStack(changed("roles.dashboard_app.connectionLimit", "8")).roles.dashboard_app?.connectionLimit).toBe(
      8,
    );
  });

  test("has its services in the order of the stack file, others last", () => {
    const names = parseStack(runbookConfig(), ["gateway", "worker"]).services.map(({ name }) => name);
    expect(names).toEqual(["gateway", "worker", "dashboard_api"]);
  });

  test("connects to the server itself, encrypted, without an admin address", () => {
    expect(parseStack(changed("server", { host: "db.example.com", port: 6432 })).server.admin).toEqual({
      host: "db.example.com",
      port: 6432,
      user: "postgres",
      database: "postgres",
      sslmode: "require",
      superuser: true,
    });
  });

  test.each(["localhost", "127.0.0.1", "::1", "/var/run/postgresql"])("needs no TLS to %s", (host) => {
    expect(parseStack(changed("server", { host })).server.admin.sslmode).toBe("disable");
  });

  test("accepts a container as the admin's host, without TLS", () => {
    const { admin } = parseStack(changed("server", { host: "db", admin: { container: "timescale_db" } })).server;
    expect(admin).toMatchObject({ container: "timescale_db", port: 5432, sslmode: "disable" });
  });

  test("refuses a container together with a host", () => {
    const admin = { container: "timescale_db", host: "127.0.0.1" };
    expect(problems(changed("server", { host: "db", admin }))).toEqual([
      "app-roles:server.admin.container: has no effect with app-roles:server.admin.host; keep one of the two",
    ]);
  });

  test("a role's settings override the defaults; null removes a default", () => {
    const config = {
      ...changed("roles.dashboard_app.settings", {
        statement_timeout: "30s",
        IDLE_SESSION_TIMEOUT: null,
        work_mem: "16MB",
        search_path: "tracksolid, public",
      }),
      defaults: {
        settings: { idle_session_timeout: "30min", idle_in_transaction_session_timeout: "5min", jit: false },
      },
    };
    const { roles } = parseStack(config);
    expect(roles.dashboard_app?.settings).toEqual({
      statement_timeout: 30_000,
      idle_session_timeout: null,
      idle_in_transaction_session_timeout: 300_000,
      search_path: ["tracksolid", "public"],
      jit: "off",
      work_mem: "16MB",
    });
    expect(roles.gateway_app?.settings).toEqual({
      idle_in_transaction_session_timeout: 300_000,
      idle_session_timeout: "30min",
      jit: "off",
    });
  });

  test("returns the budget's entries, declared roles first", () => {
    expect(budgetEntries(parseStack(runbookConfig()))).toEqual([
      { role: "tracksolid_owner", limit: 30, source: "declared" },
      { role: "dashboard_app", limit: 8, source: "declared" },
      { role: "gateway_app", limit: 15, source: "declared" },
      { role: "reporting_refresher", limit: 3, source: "existing" },
    ]);
  });

  test("may have the names of JavaScript properties", () => {
    const config = changed("roles.constructor", { connectionLimit: 1 });
    expect(parseStack(config).roles.constructor).toMatchObject({ connectionLimit: 1 });
    expect(problems(changed("services.worker.database", "toString"))).toEqual([
      "app-roles:services.worker.database: toString is not declared under app-roles:databases",
    ]);
  });
});

describe("keys", () => {
  test("that are unknown are refused at any depth, with the key that was meant", () => {
    expect(problems({ ...runbookConfig(), cieling: 95 })).toEqual([
      "app-roles:cieling: unknown key; did you mean ceiling?",
    ]);
    expect(problems(changed("roles.dashboard_app.connectionlimit", 8))).toEqual([
      "app-roles:roles.dashboard_app.connectionlimit: unknown key; did you mean connectionLimit?",
    ]);
    expect(problems(changed("services.worker.pool", { max: 1, replica: 2 }))).toEqual([
      "app-roles:services.worker.pool.replica: unknown key; did you mean replicas?",
    ]);
    expect(problems(changed("server.admin.password", "hunter2"))).toEqual([
      "app-roles:server.admin.password: unknown key; known here: host, container, port, user, database, sslmode, superuser",
    ]);
  });

  test("can all be listed", () => {
    expect(allKeys()).toContain("services.*.pool.max");
    expect(allKeys()).toContain("server.admin.sslmode");
    expect(allKeys()).toContain("services.*.container.healthcheck.test");
  });
});

describe("server.sslrootcert", () => {
  const server = (sslrootcert: string, admin: object) => changed("server", { host: "db.internal", sslrootcert, admin });

  test("belongs to the admin, and needs a mode that checks it", () => {
    const { server: parsed } = parseStack(server("ca.crt", { sslmode: "verify-full" }));
    expect([parsed.sslrootcert, parsed.admin.sslrootcert]).toEqual(["ca.crt", "ca.crt"]);
    expect(parseStack(server("ca.crt", {})).server.admin.sslmode).toBe("require");
    expect(problems(server("ca.crt", { host: "127.0.0.1" }))).toEqual([
      "app-roles:server.sslrootcert: has no effect with sslmode disable; set app-roles:server.admin.sslmode to verify-full, or remove it",
    ]);
    expect(problems(server("system", { sslmode: "verify-ca" }))).toEqual([
      "app-roles:server.sslrootcert: system needs verify-full; set app-roles:server.admin.sslmode to it",
    ]);
  });

  test("is refused with the other problems if its file is", () => {
    const both = { ...server("ca.crt", { sslmode: "verify-full" }), ceiling: "many" };
    const look = () => parseStack(both, [], (file) => `${file} cannot be read (ENOENT)`);
    expect(look).toThrow(/app-roles:ceiling: [\s\S]*app-roles:server\.sslrootcert: ca\.crt cannot be read \(ENOENT\)/);
  });
});

describe("values", () => {
  test.each([
    [
      "roles.dashboard_app.connectionLimit",
      -1,
      /expected a connection limit: a whole number of at least 1 \(.*\), found -1$/,
    ],
    ["roles.dashboard_app.connectionLimit", 0, /found 0$/],
    ["roles.dashboard_app.connectionLimit", 7.5, /found 7.5$/],
    ["roles.dashboard_app.connectionLimit", "8 or so", /found "8 or so"$/],
    ["roles.dashboard_app.connectionLimit", undefined, /found nothing$/],
    ["roles.dashboard_app.connectionLimit", true, /found true$/],
    ["roles.dashboard_app.access.tracksolid_db", "admin", /expected owner \| writer \| reader, found "admin"$/],
    [
      "roles.dashboard_app",
      null,
      /expected the keys connectionLimit, adopt, rotation, access, grants, exclusive, settings, found null \(is there nothing/,
    ],
    ["roles.dashboard_app.rotation", "weekly", /expected alternate, found "weekly"$/],
    ["roles", ["dashboard_app"], /expected names with their keys, found a list$/],
    ["server.host", undefined, /^app-roles:server.host: expected a host name, .*, found nothing$/],
    ["server.port", 65_536, /expected a port: a whole number from 1 to 65535, found 65536$/],
    ["server.admin.sslmode", "prefer", /expected disable \| require \| verify-ca \| verify-full, found "prefer"$/],
    ["server", undefined, /^app-roles:server: expected the keys host, port, sslrootcert, admin, found nothing$/],
    ["databases.tracksolid_db.schemas", "tracksolid", /expected a list of schemas, found "tracksolid"$/],
    ["services.worker.connectAs", "roel", /expected legacy \| role, found "roel"$/],
    ["services.worker.migrates", "maybe", /expected true \| false \| unconfirmed, found "maybe"$/],
    ["services.worker.urlKey", "DATABASE-URL", /expected the name of an environment variable, found "DATABASE-URL"$/],
    [
      "services.worker.runtime",
      "docker",
      /expected external \| container \| swarm \| compose \| command, found "docker"$/,
    ],
    ["defaults.settings", "fast", /expected settings: name and value, found "fast"$/],
    ["defaults.settings.statement_timeout", "5 minutes", /expected a duration such as 30min, .*, found "5 minutes"$/],
    [
      "defaults.settings.idle-session-timeout",
      1,
      /expected the name of a Postgres setting; did you mean idle_session_timeout\?$/,
    ],
    ["ceiling", "many", /^app-roles:ceiling: expected the most connections .*, found "many"$/],
  ])("%s: %j is refused", (path, value, message) => {
    expect(problems(changed(path, value))).toEqual([expect.stringMatching(message)]);
  });

  test("of a setting given twice in different case are refused", () => {
    expect(problems(changed("defaults.settings", { work_mem: "4MB", WORK_MEM: "8MB" }))).toEqual([
      "app-roles:defaults.settings.WORK_MEM: given twice: case does not matter",
    ]);
  });

  test("that are not JSON are refused in place of an object", () => {
    expect(problems({ ...runbookConfig(), roles: "{" })).toEqual([
      'app-roles:roles: expected names with their keys, found "{"',
    ]);
  });

  test("of secrets are never printed", () => {
    const secret = "s3cr3t-p4ss";
    const configs = [
      { ...runbookConfig(), adminPassword: [secret] },
      { ...runbookConfig(), serviceSecrets: secret },
      changed("serviceSecrets.worker", secret),
      changed("serviceSecrets.worker.legacyUrl", { url: secret }),
      changed("serviceSecrets.worker.legacyUrl", `postgresql//${secret}`),
      changed("serviceSecrets.worker.legacyUrl", `postgresql://postgres:${secret}/${secret}@db/tracksolid_db`),
      changed("serviceSecrets.worker.legacyUrl", `postgresql://postgres:x/${secret}`),
      changed("serviceSecrets.worker.legacyUrl", `postgresql://postgres:%${secret}@db/%${secret}`),
      changed("serviceSecrets.worker.legacyUrl", 12_345_678),
      changed("serviceSecrets.nobody.legacyUrl", secret),
    ];
    for (const config of configs) {
      const found = problems(config).join("\n");
      expect(found).toMatch(/app-roles:(adminPassword|serviceSecrets)/);
      expect(found).not.toMatch(/s3cr3t|12345678/);
    }
  });
});

describe("checks between sections", () => {
  describe("of rotation: alternate", () => {
    const alternate = (roles: object, more: object = {}) => {
      const { roles: declared, ...config } = runbookConfig();
      return problems({ ...config, ...more, roles: { ...declared, ...roles } });
    };
    const role = { connectionLimit: 5, access: { fleet_platform: "reader" } };

    test("is valid if both names are free, and each login role is in the budget", () => {
      expect(alternate({ app: { ...role, rotation: "alternate" } })).toEqual([]);
      const app = { connectionLimit: 5, rotation: "alternate" as const };
      expect(budgetEntries({ roles: { app }, existingRoles: {} })).toEqual([
        { role: "app_a", limit: 5, source: "declared" },
        { role: "app_b", limit: 5, source: "declared" },
      ]);
    });

    test.each<[string, object, object, RegExp]>([
      [
        "another role",
        { app: { ...role, rotation: "alternate" }, app_b: role },
        {},
        /app_b: is also declared under app-roles:roles/,
      ],
      [
        "an existing role",
        { app: { ...role, rotation: "alternate" } },
        { existingRoles: { app_a: { connectionLimit: 1 }, reporting_refresher: { connectionLimit: 3 } } },
        /app_a: is also declared under app-roles:existingRoles; choose another name for app$/,
      ],
      [
        "the admin",
        { app: { ...role, rotation: "alternate" } },
        { server: { host: "db", admin: { host: "127.0.0.1", user: "app_a" } } },
        /app_a: is the admin of the server/,
      ],
    ])("refuses a login role's name that is taken by %s", (_who, roles, more, message) => {
      expect(alternate(roles, more)).toEqual([expect.stringMatching(message)]);
    });

    test("refuses a name that is too long for the login roles' suffix, and an adopted role", () => {
      const long = "r".repeat(62);
      const refused = alternate({ [long]: { ...role, rotation: "alternate" } });
      expect(refused).toHaveLength(2);
      expect(refused[0]).toContain(`app-roles:roles.${long}.rotation: its login role ${long}_a: `);
      expect(alternate({ app: { ...role, adopt: true, rotation: "alternate" } })).toEqual([
        expect.stringContaining("app-roles:roles.app.rotation: has no effect on an adopted role"),
      ]);
    });

    test("a login role's URL is not a legacy URL", () => {
      const config = changed("roles.dashboard_app.rotation", "alternate");
      const secrets = { dashboard_api: { legacyUrl: "postgres://dashboard_app_b:x@db/tracksolid_db" } };
      expect(problems({ ...config, serviceSecrets: secrets })).toEqual([
        expect.stringContaining("its user is dashboard_app_b, a role of this stack"),
      ]);
    });
  });

  const cut = { connectAs: "role" };
  test.each([
    [
      "services.worker.role",
      "tracksolid_ower",
      [
        /^app-roles:services.worker.role: tracksolid_ower is not declared under app-roles:roles; did you mean tracksolid_owner\?$/,
      ],
    ],
    [
      "services.worker.database",
      "tracksolid",
      [/^app-roles:services.worker.database: tracksolid is not declared under app-roles:databases/],
    ],
    [
      "services.gateway.role",
      "dashboard_app",
      [
        /^app-roles:services.gateway.role: dashboard_app has no access to fleet_platform; add app-roles:roles.dashboard_app.access.fleet_platform$/,
      ],
    ],
    [
      "services.gateway.connectAs",
      "role",
      [/^app-roles:services.gateway.connectAs: stays legacy until it is known whether the service migrates/],
    ],
    [
      "services.dashboard_api",
      { database: "tracksolid_db", role: "dashboard_app", migrates: true, ...cut },
      [
        /^app-roles:services.dashboard_api.role: the service migrates, so it must log in as the owner .* tracksolid_owner; found dashboard_app$/,
      ],
    ],
    [
      // Refused before the cutover, which would fail.
      "services.dashboard_api",
      { database: "tracksolid_db", role: "dashboard_app", migrates: true },
      [/^app-roles:services.dashboard_api.role: the service migrates, so it must log in as the owner/],
    ],
    [
      "services.gateway",
      { database: "fleet_platform", role: "gateway_app", migrates: true, ...cut },
      [/services.gateway.role: .* fleet_platform has none yet, declare one with the database; found gateway_app/],
    ],
    [
      "services.bad name",
      { database: "fleet_platform", role: "gateway_app" },
      [/^app-roles:services\["bad name"\]: expected a name of at most 63/],
    ],
    [
      "databases.fleet_platform.owner",
      "fleet_owner",
      [/^app-roles:databases.fleet_platform.owner: fleet_owner is not declared under app-roles:roles$/],
    ],
    [
      "databases.fleet_platform.owner",
      "gateway_app",
      [
        /gateway_app owns the objects of fleet_platform, but its access there is writer; set app-roles:roles.gateway_app.access.fleet_platform to owner$/,
      ],
    ],
    ["databases.fleet_platform.owner", "dashboard_app", [/but its access there is not declared/]],
    [
      "databases.fleet_platform.keepOwner",
      { "fleet.x": "y" },
      [/^app-roles:databases.fleet_platform.keepOwner: has no effect without an owner/],
    ],
    [
      "databases.fleet_platform.alsoOwn",
      ["public.x"],
      [/^app-roles:databases.fleet_platform.alsoOwn: has no effect without an owner/],
    ],
    ["databases.fleet_platform.schemas", [], [/expected at least one schema/]],
    [
      "databases.fleet_platform.schemas",
      ["fleet", "fleet", "pg_catalog", ""],
      [
        /schemas\[1\]: fleet is given twice/,
        /schemas\[2\]: "pg_catalog" belongs to Postgres itself/,
        /schemas\[3\]: expected a name, found an empty text/,
      ],
    ],
    [
      "databases.tracksolid_db.keepOwner",
      { "tickets.t": "x", "reporting.": "x", "reporting.ok": "x" },
      [
        /keepOwner\["tickets.t"\]: expected schema.object with one of the schemas tracksolid, reporting$/,
        /keepOwner\["reporting."\]/,
      ],
    ],
    [
      "databases.tracksolid_db.alsoOwn",
      ["reporting.x", "schema_migrations"],
      [
        /alsoOwn\[0\]: reporting.x is in reporting, whose objects tracksolid_owner owns anyway/,
        /alsoOwn\[1\]: expected schema.object, found "schema_migrations"/,
      ],
    ],
    [
      "roles.dashboard_app.access.tracksolid_db",
      "owner",
      [/tracksolid_db is owned by tracksolid_owner, and only its owner can have this access/],
    ],
    [
      "roles.gateway_app.access.fleet_platform",
      "owner",
      [/fleet_platform has no owner; set app-roles:databases.fleet_platform.owner to gateway_app/],
    ],
    [
      "roles.gateway_app.access.fleet",
      "reader",
      [/^app-roles:roles.gateway_app.access.fleet: fleet is not declared under app-roles:databases$/],
    ],
    ["roles.postgres", { connectionLimit: 5 }, [/^app-roles:roles.postgres: is the admin of the server/]],
    ["roles.pg_app", { connectionLimit: 5 }, [/names that start with pg_ are reserved/]],
    ["roles.Public", { connectionLimit: 5 }, [/"Public" is reserved by Postgres/]],
    ["roles.none", { connectionLimit: 5 }, [/"none" is reserved by Postgres/]],
    [`roles.${"é".repeat(32)}`, { connectionLimit: 5 }, [/at most 63 bytes .*, found 64 bytes$/]],
    ["roles.reporting_refresher", { connectionLimit: 5 }, [/is in existingRoles too/]],
    [
      "existingRoles.reporting_refresher.settings",
      { work_mem: "8MB" },
      [/^app-roles:existingRoles.reporting_refresher.settings: has no effect without enforce: true/],
    ],
    [
      "serviceSecrets.wroker.legacyUrl",
      "postgresql://postgres@db/tracksolid_db",
      [/^app-roles:serviceSecrets.wroker: wroker is not declared under app-roles:services; did you mean worker\?$/],
    ],
    [
      "serviceSecrets.worker.legacyUrl",
      "mysql://postgres@db/tracksolid_db",
      [/expected a Postgres URL \(value not shown\): it does not start with postgresql:/],
    ],
    [
      "serviceSecrets.worker.legacyUrl",
      "postgresql://postgres@db/fleet_platform",
      [/it names another database, but app-roles:services.worker.database is tracksolid_db$/],
    ],
    ["serviceSecrets.worker.legacyUrl", "postgresql://postgres@db", [/it names no database/]],
    [
      "serviceSecrets.worker.legacyUrl",
      "postgresql://tracksolid_owner@db/tracksolid_db",
      [/its user is tracksolid_owner, a role of this stack/],
    ],
  ])("%s: %j is refused", (path, value, expected) => {
    expect(problems(changed(path, value))).toEqual(expected.map((message) => expect.stringMatching(message)));
  });

  test("the pools of all services of a role must fit its limit, regardless of connectAs", () => {
    const config = changed("services.dashboard_api.pool", { max: 4, replicas: 1, surge: 1 });
    expect(problems(config)).toEqual([]);
    expect(problems(changed("services.dashboard_api.pool", { max: 3, replicas: 2, surge: 1 }))).toEqual([
      "app-roles:roles.dashboard_app.connectionLimit: the pools of dashboard_app's services can open 9 sessions (dashboard_api 3 x (2 + 1 surge)), 1 more than its connection limit 8; lower a pool's max, or raise the limit if the budget has room",
    ]);
    expect(problems(changed("services.worker.pool", { max: 29 }))).toEqual([]);
    expect(problems(changed("services.worker.pool", { max: 30 }))).toEqual([
      expect.stringContaining("31 sessions (worker 30 x 1 + 1 migration)"),
    ]);
  });

  test("the SQL of a rehearsal needs an owner to run as", () => {
    expect(problems(changed("databases.fleet_platform.rehearseSql", ["0042.sql"]))).toEqual([
      expect.stringMatching(
        /^app-roles:databases\.fleet_platform\.rehearseSql: has no effect without an owner to run it as/,
      ),
    ]);
    const stack = parseStack({ ...changed("databases.tracksolid_db.rehearseSql", ["0042.sql"]), rehearse: "true" });
    expect([stack.rehearse, stack.databases.tracksolid_db?.rehearseSql]).toEqual([true, ["0042.sql"]]);
    expect(parseStack(runbookConfig()).rehearse).toBe(false);
  });

  test("roles without a service are valid", () => {
    expect(problems(changed("roles.spare", { connectionLimit: 1 }))).toEqual([]);
  });

  test("an invalid entry neither hides others nor counts as undeclared", () => {
    const config = changed("roles.dashboard_app.connectionLimit", "eight");
    (config.services as Record<string, unknown>).worker = {
      database: "nowhere",
      role: "tracksolid_owner",
      migrates: true,
    };
    (config.databases as Record<string, unknown>).fleet_platform = 5;
    expect(problems(config).map((line) => line.split(": ")[0])).toEqual([
      "app-roles:databases.fleet_platform",
      "app-roles:roles.dashboard_app.connectionLimit",
      "app-roles:services.worker.database",
    ]);
  });

  test("the error's message has all problems, one per line", () => {
    const config = { ...changed("roles.dashboard_app.connectionLimit", 0), nonsense: 1 };
    expect(() => parseStack(config)).toThrow(
      /^the stack's configuration has 2 problems:\n {2}app-roles:nonsense: .*\n {2}app-roles:roles\.dashboard_app\.connectionLimit: .*$/,
    );
  });
});

test("an empty configuration is one problem, with the file to start from", () => {
  expect(() => parseStack({ adminPassword: "secret" })).toThrow(
    /the stack has no key of the namespace app-roles: start from Pulumi\.prod\.yaml.*new AppRolesStack\(await readStack\(\)\)/,
  );
});
