import { rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../../sandbox/process.ts";
import { CommandServices } from "./command-services.ts";
import { createEstate, type Estate } from "./estate.ts";

let estate: Estate;
let services: CommandServices;
let before: Awaited<ReturnType<Estate["observe"]>>;

async function rotate() {
  const options = { cwd: estate.sandbox.dir, env: estate.sandbox.env };
  const { code, stdout, stderr } = await run("node", ["bin/app-roles.js", "rotate", "dashboard_app"], options);
  const said = stdout + stderr;
  estate.printed.push(said);
  return { code, said };
}

const login = (user: string, password: string) =>
  estate.query<{ session: string; current: string }>(
    "tracksolid_db",
    "SELECT session_user AS session, current_user AS current, count(*) FROM tickets.tickets",
    { user, password },
  );

const mayLogIn = async () => {
  const roles = await estate.query<{ rolname: string }>(
    "postgres",
    "SELECT rolname FROM pg_roles WHERE rolname LIKE 'dashboard\\_app%' AND rolcanlogin ORDER BY 1",
  );
  return roles.map(({ rolname }) => rolname);
};

/** The most roles that could log in at once, as the budget counts two. */
let mostLogins = 0;

/** Errors of a client that keeps logging in with the service's current URL. */
async function underLoad<T>(work: () => Promise<T>): Promise<{ result: T; logins: number; failures: string[] }> {
  const failures: string[] = [];
  let logins = 0;
  let isDone = false;
  const client = (async () => {
    while (!isDone) {
      const { username, password } = new URL(services.running);
      await login(username, password).catch((error: Error) => failures.push(`${username}: ${error.message}`));
      logins++;
      mostLogins = Math.max(mostLogins, (await mayLogIn()).length);
      await sleep(50);
    }
  })();
  try {
    return { result: await work(), logins, failures };
  } finally {
    isDone = true;
    await client;
  }
}

beforeAll(async () => {
  estate = await createEstate();
  before = await estate.observe();
  services = await CommandServices.declare(estate, { timeout: "30s", soak: "1s" });
  await estate.up();
  await estate.sandbox.setConfig("services.dashboard_api.connectAs", "role");
  await estate.up();
});
afterAll(async () => {
  await services?.stop();
  await estate?.remove();
});

test("a role gets its two login roles without a failed login", async () => {
  await estate.sandbox.setConfig("roles.dashboard_app.rotation", "alternate");
  expect(await rotate()).toMatchObject({ code: 1, said: expect.stringContaining("does not have the two login roles") });
  const previous = services.password("dashboard_api");
  const { result, failures, logins } = await underLoad(() => estate.up("--policy-pack", "policies"));
  expect({ failures, some: logins > 0 }).toEqual({ failures: [], some: true });
  expect(result).toContain("dashboard_api: healthy as dashboard_app_a for 1s");
  expect(services.user("dashboard_api")).toBe("dashboard_app_a");
  expect(await login("dashboard_app_a", services.password("dashboard_api"))).toMatchObject([
    { session: "dashboard_app_a", current: "dashboard_app" },
  ]);
  expect(await mayLogIn()).toEqual(["dashboard_app", "dashboard_app_a"]);
  expect(await login("dashboard_app", previous)).toHaveLength(1);
  const preview = await estate.preview("--expect-no-changes");
  expect(preview).toContain("dashboard_app can still log in itself");
});

test("in a rotation no login fails, and the previous login is refused afterwards", async () => {
  const previous = services.password("dashboard_api");
  const { result, failures } = await underLoad(rotate);
  expect(result).toEqual({
    code: 0,
    said: expect.stringContaining("dashboard_app now uses its login role dashboard_app_b, which has a new password."),
  });
  expect(failures).toEqual([]);
  expect(result.said).toMatch(/dashboard_api +command +none\n/);
  expect(await mayLogIn()).toEqual(["dashboard_app_b"]);
  expect(services.user("dashboard_api")).toBe("dashboard_app_b");
  await expect(login("dashboard_app_a", previous)).rejects.toMatchObject({ code: "28000" });
  expect(mostLogins).toBe(2);
  await estate.pulumi(["preview", "--expect-no-changes"]);
});

test("a failed redeploy keeps both logins, until an up continues the rotation", async () => {
  const previous = services.password("dashboard_api");
  writeFileSync(services.at("broken"), "");
  const { result, failures } = await underLoad(rotate);
  expect({ ...result, failures }).toEqual({
    code: 1,
    said: expect.stringContaining("dashboard_app HAS THE LOGIN dashboard_app_a, and not every service is healthy"),
    failures: [],
  });
  expect(result.said).toMatch(/dashboard_api +command +none: dashboard_app_b can log in/);
  expect(result.said).toContain("no room on the node");
  expect(await mayLogIn()).toEqual(["dashboard_app_a", "dashboard_app_b"]);
  expect(await login("dashboard_app_b", previous)).toHaveLength(1);
  expect(await rotate()).toMatchObject({ code: 1, said: expect.stringContaining("is not finished") });
  rmSync(services.at("broken"));
  expect((await underLoad(() => estate.up())).failures).toEqual([]);
  expect(await mayLogIn()).toEqual(["dashboard_app_a"]);
  expect(services.user("dashboard_api")).toBe("dashboard_app_a");
  await estate.pulumi(["preview", "--expect-no-changes"]);
});

test("without rotation: alternate the role logs in itself again, and its login roles are dropped", async () => {
  await estate.sandbox.setConfig("roles.dashboard_app.rotation", undefined);
  expect(await rotate()).toMatchObject({ code: 1, said: expect.stringContaining("still has its two login roles") });
  expect((await underLoad(() => estate.up())).failures).toEqual([]);
  expect(services.user("dashboard_api")).toBe("dashboard_app");
  expect(await mayLogIn()).toEqual(["dashboard_app"]);
  const roles = await estate.query("postgres", "SELECT FROM pg_roles WHERE rolname LIKE 'dashboard\\_app\\__'");
  expect(roles).toHaveLength(0);
  await estate.pulumi(["preview", "--expect-no-changes"]);
});

test("destroy removes everything, and no password was printed", async () => {
  const passwords = await estate.passwords();
  await estate.sandbox.setConfig("services.dashboard_api.connectAs", "legacy");
  await estate.up();
  await services.disconnect();
  await estate.pulumi(["destroy", "--yes", "--skip-preview"]);
  expect(await estate.observe()).toEqual(before);
  const printed = estate.printed.join("\n");
  for (const password of [estate.postgres.password, ...passwords]) expect(printed).not.toContain(password);
});
