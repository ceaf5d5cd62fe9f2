import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { AppRole } from "../../components/app-role.ts";
import { Service, type ServiceArgs } from "../../components/service.ts";
import { scramVerifier } from "../../model/scram.ts";
import { passwordOf, type Ran, run, Secret, waitsFor } from "./program.ts";
import { shopRoles, shopServer } from "./shop.ts";

const roleType = "postgresql:index/role:Role";
const deployed: Partial<ServiceArgs> = { runtime: "command", command: { path: "./deploy.sh", args: [] } };

interface Turn {
  inForce: string;
  former: string;
  keepsLogin: boolean;
}

/** A service of the reader, which has two login roles, with the plugin's decision about them. */
function alternating(turn: Turn, service: Partial<ServiceArgs>): Promise<Ran> {
  const program = () => {
    const server = shopServer({
      roles: {
        shop_owner: { connectionLimit: 20 },
        billing_owner: { connectionLimit: 10 },
        shop_reader: { connectionLimit: 8, rotation: "alternate" },
      },
    });
    shopRoles.shop_owner(server);
    shopRoles.billing_owner(server);
    const access = { shop: "reader" } as const;
    const role = new AppRole("shop_reader", { server, access, settings: { work_mem: "8MB" }, rotate: true });
    const args = { role, database: "shop", connectAs: "role", migrates: false, ...service } as const;
    role.servedTo([new Service("api", args)]);
  };
  return run(program, { "pgaccess:index:LoginTurn": { turn: 1, ...turn } });
}

const first: Turn = { inForce: "shop_reader_a", former: "", keepsLogin: false };
const second: Turn = { inForce: "shop_reader_b", former: "shop_reader_a", keepsLogin: false };
const login = (ran: Ran, name: string) => ran.resource(roleType, name).inputs.login;

describe("a role with rotation: alternate", () => {
  test("has no login and no password; two roles that SET ROLE to it each have its limit and settings", async () => {
    const ran = await alternating(first, deployed);
    const own = ran.resource(roleType, "shop_reader");
    expect(own.inputs).toEqual({ name: "shop_reader", login: false, connectionLimit: 8, skipReassignOwned: true });
    expect(own.ignoreChanges).toContain("password");
    for (const name of ["shop_reader_a", "shop_reader_b"]) {
      expect(ran.resource(roleType, name).inputs).toEqual({
        name,
        login: name === "shop_reader_a",
        connectionLimit: 8,
        password: new Secret(scramVerifier(passwordOf(name))),
        roles: ["shop_reader"],
        assumeRole: "shop_reader",
        skipReassignOwned: true,
      });
      expect(ran.resource("pgaccess:index:RoleSettings", name).inputs).toMatchObject({
        role: name,
        settings: { work_mem: "8MB" },
      });
    }
    expect(ran.resource("pgaccess:index:LoginTurn", "shop_reader").inputs).toEqual({
      role: "shop_reader",
      logins: ["shop_reader_a", "shop_reader_b"],
      rotate: true,
    });
    const { entries, assumed } = ran.resource("pgaccess:index:ConnectionBudget", "main").inputs;
    expect(assumed).toEqual(["shop_reader"]);
    expect((entries as { role: string }[]).map(({ role }) => role)).toEqual([
      "shop_owner",
      "billing_owner",
      "shop_reader_a",
      "shop_reader_b",
      "etl",
    ]);
  });

  test("keeps its own login while the plugin decides so", async () => {
    expect(login(await alternating({ ...first, keepsLogin: true }, deployed), "shop_reader")).toBe(true);
  });

  test("gives its services the login in force once it is ready", async () => {
    const ran = await alternating(second, deployed);
    const { inputs } = ran.resource("pgaccess:index:ServiceUrl", "api");
    expect(inputs).toMatchObject({ role: "shop_reader", login: "shop_reader_b" });
    expect(inputs.password).toEqual(new Secret(passwordOf("shop_reader_b")));
    const waits = waitsFor(ran, { type: "pgaccess:index:ServiceUrl", name: "api" });
    expect(waits).toContain(`${roleType} shop_reader_b`);
    expect(waits).toContain("pgaccess:index:RoleSettings shop_reader_b");
    expect(waits).not.toContain(`${roleType} shop_reader_a`);
  });

  test("disables the previous login once every service has passed its gate on the one in force", async () => {
    const ran = await alternating(second, deployed);
    expect([login(ran, "shop_reader_a"), login(ran, "shop_reader_b")]).toEqual([false, true]);
    expect(waitsFor(ran, { type: roleType, name: "shop_reader_a" })).toContain("pgaccess:index:CutoverGate api");
    expect(ran.resource("pgaccess:index:CutoverGate", "api").inputs.login).toBe("shop_reader_b");
  });

  test("keeps the previous login until the next rotation with an external service", async () => {
    const ran = await alternating(second, {});
    expect([login(ran, "shop_reader_a"), login(ran, "shop_reader_b")]).toEqual([true, true]);
    expect(login(await alternating(second, { connectAs: "legacy" }), "shop_reader_a")).toBe(false);
    expect(login(await alternating(first, {}), "shop_reader_b")).toBe(false);
  });

  test("a program that does not call servedTo is refused with a message that names it", () => {
    const here = (file: string) => JSON.stringify(join(import.meta.dirname, file));
    const program = `
      import { AppRole } from ${here("../../components/app-role.ts")};
      import { run } from ${here("program.ts")};
      import { shopServer } from ${here("shop.ts")};
      await run(() => {
        const roles = { app: { connectionLimit: 5, rotation: "alternate" } };
        const server = shopServer({ databases: { shop: { schemas: ["shop"] } }, roles });
        new AppRole("app", { server, access: { shop: "reader" } });
      }, { "pgaccess:index:LoginTurn": { turn: 0, inForce: "app_a", former: "", keepsLogin: false } });`;
    const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
      encoding: "utf8",
    });
    expect(stderr).toContain("AppRole app: rotation: alternate needs the role's services; call servedTo");
    expect(status).not.toBe(0);
  });
});
