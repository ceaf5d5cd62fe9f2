import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { RunError } from "@pulumi/pulumi";
import { describe, expect, test } from "vitest";
import { AppRole, type AppRoleArgs } from "../../components/app-role.ts";
import type { DatabaseServer, DatabaseServerArgs } from "../../components/database-server.ts";
import { scramVerifier } from "../../model/scram.ts";
import { passwordOf, recorded, run, Secret, settled, waitsFor } from "./program.ts";
import { shopRoles, shopServer } from "./shop.ts";

const roleType = "postgresql:index/role:Role";

/** The server with its roles, created in this order. */
const inOrder =
  (...names: (keyof typeof shopRoles)[]) =>
  () => {
    const server = shopServer();
    for (const name of names) shopRoles[name](server);
  };
const allRoles = inOrder("shop_reader", "shop_owner", "billing_owner");

describe("dependencies", () => {
  test("no role is created before all baselines are saved and the budget fits", async () => {
    const ran = await run(allRoles);
    for (const name of Object.keys(shopRoles)) {
      expect(ran.resource(roleType, name).dependencies).toEqual(
        expect.arrayContaining([
          "pgaccess:index:ConnectionBudget main",
          "pgaccess:index:Baseline shop",
          "pgaccess:index:Baseline billing",
        ]),
      );
    }
  });

  test("role, settings, privileges, ownership, and the reverse on delete", async () => {
    const ran = await run(allRoles);
    expect(ran.resource("pgaccess:index:RoleSettings", "shop_owner").dependencies).toEqual([`${roleType} shop_owner`]);
    for (const privileges of ["shop_owner.shop", "shop_owner.billing"]) {
      expect(ran.resource("pgaccess:index:Privileges", privileges).dependencies).toContain(
        "pgaccess:index:RoleSettings shop_owner",
      );
    }
    expect(ran.resource("pgaccess:index:Ownership", "shop").dependencies.toSorted()).toEqual([
      "pgaccess:index:Baseline shop",
      "pgaccess:index:Privileges shop_owner.billing",
      "pgaccess:index:Privileges shop_owner.shop",
    ]);
  });

  test.each([
    ["owners first", inOrder("billing_owner", "shop_owner", "shop_reader")],
    ["owners last", allRoles],
  ])("privileges wait for the owners whose objects they cover, with %s in the program", async (_, program) => {
    const ran = await run(program);
    const waits = (privileges: string) =>
      [...waitsFor(ran, { type: "pgaccess:index:Privileges", name: privileges })].filter((each) =>
        each.startsWith(roleType),
      );
    // A role also waits for the previous one of the program.
    const all = (...roles: string[]) => expect.arrayContaining(roles);
    expect(waits("shop_reader.shop")).toEqual(all(`${roleType} shop_owner`, `${roleType} shop_reader`));
    expect(waits("shop_owner.billing")).toEqual(all(`${roleType} billing_owner`, `${roleType} shop_owner`));
    expect(waits("billing_owner.shop")).toEqual(all(`${roleType} billing_owner`, `${roleType} shop_owner`));
    expect(waits("shop_owner.shop")).toContain(`${roleType} shop_owner`);
  });
});

test("roles are created one after the other, because the official plugin's limit on its connections does not hold otherwise", async () => {
  const order = ["shop_reader", "shop_owner", "billing_owner"];
  const ran = await run(inOrder("shop_reader", "shop_owner", "billing_owner"));
  const before = order.map((role) =>
    ran.resource(roleType, role).dependencies.filter((each) => each.startsWith(roleType)),
  );
  expect(before).toEqual([[], [`${roleType} shop_reader`], [`${roleType} shop_owner`]]);
});

describe("created resources", () => {
  test("a login role with its limit and a password, of which only the verifier is sent", async () => {
    let role: AppRole | undefined;
    const ran = await run(() => {
      role = shopRoles.shop_reader(shopServer({ databases: { shop: { schemas: ["shop"] } } }));
    });
    const password = passwordOf("shop_reader");
    expect(ran.resource(roleType, "shop_reader").inputs).toEqual({
      name: "shop_reader",
      login: true,
      connectionLimit: 8,
      password: new Secret(scramVerifier(password)),
      skipReassignOwned: true,
    });
    expect(await settled((role as AppRole).password)).toEqual({ value: password, isSecret: true });
    expect(JSON.stringify(ran.all)).not.toContain(password);
    // 192 bits in hex digits, from a resource whose id, never a secret, does not reveal them.
    expect(ran.all.filter(({ type }) => type.startsWith("random:"))).toMatchObject([
      {
        type: "random:index/randomPassword:RandomPassword",
        name: "shop_reader",
        inputs: {
          length: 48,
          special: true,
          overrideSpecial: "0123456789abcdef",
          lower: false,
          upper: false,
          numeric: false,
        },
      },
    ]);
  });

  test("each setting through the resource that may write it", async () => {
    const settings = {
      Statement_Timeout: "30s",
      idle_in_transaction_session_timeout: "5min",
      search_path: ["shop", "public"],
      idle_session_timeout: "30min",
      jit: false,
      work_mem: null,
    };
    const ran = await run(() => withSettings(shopServer(), settings));
    expect(ran.resource(roleType, "shop_reader").inputs).toMatchObject({
      statementTimeout: 30_000,
      idleInTransactionSessionTimeout: 300_000,
      searchPaths: ["shop", "public"],
    });
    expect(ran.resource("pgaccess:index:RoleSettings", "shop_reader").inputs).toEqual({
      role: "shop_reader",
      settings: { idle_session_timeout: "30min", jit: "off" },
      setElsewhere: ["statement_timeout", "idle_in_transaction_session_timeout", "search_path", "work_mem"],
      usedIn: ["shop"],
      legacyUsers: ["postgres"],
    });
  });

  test("privileges by level, and on future objects of the owner and the legacy users", async () => {
    const creators = async (legacyUsers?: string[]) => {
      const ran = await run(() => {
        const server = shopServer({ legacyUsers });
        for (const make of Object.values(shopRoles)) make(server);
      });
      return (privileges: string) => ran.resource("pgaccess:index:Privileges", privileges).inputs;
    };
    const byDefault = await creators();
    expect(byDefault("billing_owner.shop")).toEqual({
      role: "billing_owner",
      database: "shop",
      access: "writer",
      schemas: ["shop", "stock"],
      creators: ["shop_owner", "postgres"],
      legacyUsers: ["postgres"],
    });
    expect(byDefault("shop_owner.shop")).toMatchObject({ access: "owner", creators: ["postgres"] });
    expect((await creators(["app", "shop_owner"]))("shop_reader.shop").creators).toEqual(["shop_owner", "app"]);
    expect((await creators([]))("shop_owner.shop").creators).toEqual([]);
  });

  test("explicit grants, in a database without an access level too, and exclusive", async () => {
    const grants = { shop: { tables: { "shop.orders": ["UPDATE"] } }, billing: { schemas: { audit: ["USAGE"] } } };
    const ran = await run(() => {
      const server = shopServer();
      for (const make of Object.values({ ...shopRoles, shop_reader: undefined })) make?.(server);
      const reader = new AppRole("shop_reader", { server, access: { shop: "reader" }, grants, exclusive: true });
      expect(reader.databases).toEqual(["shop", "billing"]);
    });
    const inputs = (name: string) => ran.resource("pgaccess:index:Privileges", name).inputs;
    expect(inputs("shop_reader.shop")).toMatchObject({ access: "reader", grants: grants.shop, exclusive: true });
    expect(inputs("shop_reader.billing")).toMatchObject({ grants: grants.billing, exclusive: true });
    expect(inputs("shop_reader.billing").access).toBeUndefined();
  });

  test("ownership of the databases it owns, with their baselines", async () => {
    const ran = await run(allRoles);
    const ownerships = ran.all.filter(({ type }) => type === "pgaccess:index:Ownership");
    expect(ownerships.map(({ name }) => name).toSorted()).toEqual(["billing", "shop"]);
    expect(ran.resource("pgaccess:index:Ownership", "shop").inputs).toEqual({
      database: "shop",
      owner: "shop_owner",
      schemas: ["shop", "stock"],
      keepOwner: { "shop.v": "etl" },
      alsoOwn: ["public.t"],
      roles: ["shop_owner", "billing_owner", "shop_reader"],
      former: recorded.snapshot,
      legacyUsers: ["postgres"],
    });
  });

  test("an existing role is adopted, with its baseline, and never dropped", async () => {
    const ran = await run(() => {
      const roles = { old_app: { connectionLimit: 8, adopt: true }, shop_owner: { connectionLimit: 20 } };
      const server = shopServer({ roles });
      new AppRole("old_app", { server, access: { shop: "reader" }, settings: { search_path: ["c"] } });
      new AppRole("shop_owner", { server, access: { shop: "owner" } });
    });
    expect(ran.resource("pgaccess:index:Baseline", "shop").inputs).toMatchObject({ adopt: ["old_app"] });
    expect(ran.resource(roleType, "old_app")).toMatchObject({
      inputs: { connectionLimit: 8, statementTimeout: 5000, idleInTransactionSessionTimeout: 0, searchPaths: ["c"] },
      importId: "old_app",
      ignoreChanges: ["roles", "inherit", "validUntil", "assumeRole"],
      retainOnDelete: true,
      beforeCreate: [],
      beforeUpdate: ["await-role-old_app"],
    });
    expect(ran.resource("pgaccess:index:RoleSettings", "old_app").inputs.former).toEqual({
      ...recorded.snapshot.roles.old_app,
      verifier: recorded.verifiers.old_app,
    });
    expect(ran.resource("pgaccess:index:Privileges", "old_app.shop").inputs.before).toEqual(recorded.held.old_app);

    expect(ran.resource(roleType, "shop_owner")).toMatchObject({
      importId: "",
      ignoreChanges: [],
      retainOnDelete: false,
    });
    expect(ran.resource("pgaccess:index:RoleSettings", "shop_owner").inputs).not.toHaveProperty("former");
    expect(ran.resource("pgaccess:index:Privileges", "shop_owner.shop").inputs).not.toHaveProperty("before");
  });

  test("a role cannot be adopted without a database that records it", async () => {
    const adopting = run(() => {
      const server = shopServer({ databases: {}, roles: { old_app: { connectionLimit: 8, adopt: true } } });
      new AppRole("old_app", { server, access: {} });
    });
    await expect(adopting).rejects.toThrow(/old_app: adopt: needs a database/);
  });

  test("a role can have the name of a JavaScript property", async () => {
    const roles = { constructor: { connectionLimit: 3 } };
    const ran = await run(() => {
      const server = shopServer({ roles, databases: { valueOf: { schemas: ["s"], owner: "constructor" } } });
      new AppRole("constructor", { server, access: { ["valueOf" as string]: "owner" } });
    });
    expect(ran.resource(roleType, "constructor").inputs.connectionLimit).toBe(3);
    expect(ran.resource("pgaccess:index:Ownership", "valueOf").inputs.owner).toBe("constructor");
  });
});

test("before a role is created, one that a killed up left is searched for", async () => {
  const ran = await run(allRoles);
  expect(ran.resource(roleType, "shop_reader")).toMatchObject({
    beforeCreate: ["drop-leftover-role-shop_reader"],
    beforeUpdate: ["await-role-shop_reader"],
  });
});

describe("refusals", () => {
  const make = (name: string, args: Partial<AppRoleArgs>, server: Partial<DatabaseServerArgs> = {}) =>
    run(() => new AppRole(name, { server: shopServer(server), access: {}, ...args }));

  test.each<[string, Partial<AppRoleArgs>, RegExp]>([
    ["toString", {}, /^AppRole toString: it has no connection limit; add it .* to the roles of the/],
    [
      "shop_reader",
      { access: { store: "reader" } },
      /^AppRole shop_reader: access.store: .* declares no database store$/,
    ],
    [
      "shop_reader",
      { access: { shop: "owner" } },
      /access.shop: the access is owner, but .* owner of shop is shop_owner/,
    ],
    [
      "shop_owner",
      { access: { shop: "writer" } },
      /access.shop: the access is writer, but .* owner of shop is shop_owner/,
    ],
    [
      "shop_reader",
      { settings: { statement_timeout: "5 minutes" } },
      /shop_reader: settings.statement_timeout: expected a/,
    ],
    ["shop_reader", { settings: { "work mem": "1MB" } }, /shop_reader: settings.work mem: .* did you mean work_mem/],
  ])("%s with %o", async (name, args, message) => {
    const refused = make(name, args);
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.toSatisfy(RunError.isInstance);
  });

  test("an owner that the program does not create, instead of ending silently", () => {
    const here = (file: string) => JSON.stringify(join(import.meta.dirname, file));
    const program = `
      import { run } from ${here("program.ts")};
      import { shopRoles, shopServer } from ${here("shop.ts")};
      await run(() => shopRoles.shop_reader(shopServer()));`;
    const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
      encoding: "utf8",
    });
    expect(stderr).toContain("AppRole shop_owner is missing: it owns a database that other roles have access to");
    expect(status).not.toBe(0);
  });
});

function withSettings(server: DatabaseServer, settings: AppRoleArgs["settings"]): void {
  shopRoles.shop_owner(server);
  shopRoles.billing_owner(server);
  new AppRole("shop_reader", { server, access: { shop: "reader" }, settings });
}
