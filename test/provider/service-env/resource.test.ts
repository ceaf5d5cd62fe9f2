import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { switches } from "../../../model/switches.ts";
import { legacyUrl } from "../../../provider/legacy-url/resource.ts";
import { toResource } from "../../../provider/reconciler.ts";
import { type PropertyMap, Secret, unknown } from "../../../provider/rpc/values.ts";
import { serviceEnv } from "../../../provider/service-env/resource.ts";
import { testCall } from "../calls.ts";

const former = "postgres://postgres:oldsecret@db/shop?x=%20";
const own = "postgres://shop_app:newsecret@db/shop?x=%20";
const randomSeed = new Uint8Array();
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "app-roles-service-env-"));
  const script = `#!/bin/sh\ncd ${folder}\necho "$2" >>calls\ncase "$2" in read) cat value ;; write) cat >value ;; esac\n`;
  writeFileSync(join(folder, "env.sh"), script);
  chmodSync(join(folder, "env.sh"), 0o755);
  store(former);
});
afterEach(() => rmSync(folder, { recursive: true }));

const store = (value: string) => writeFileSync(join(folder, "value"), value);
const stored = () => readFileSync(join(folder, "value"), "utf8");
/** The actions since the last call, without reads. */
const actions = () => {
  const lines = readFileSync(join(folder, "calls"), "utf8").trim().split("\n");
  writeFileSync(join(folder, "calls"), "");
  return lines.filter((action) => action !== "read" && action !== "");
};
const declared = () => ({
  service: "api",
  urlKey: "DATABASE_URL",
  command: { path: join(folder, "env.sh"), args: [] },
});

describe("LegacyUrl", () => {
  const resource = toResource(legacyUrl());
  const made = new Secret("postgresql://postgres:made@db/shop");
  const inputs = (more: PropertyMap = {}): PropertyMap => ({
    ...declared(),
    database: "shop",
    connectAs: "legacy",
    made,
    roles: ["shop_app"],
    legacyUsers: ["postgres"],
    ...more,
  });
  const check = (news: PropertyMap, olds?: PropertyMap) =>
    resource.check(testCall(), { news, ...(olds && { olds }), randomSeed });

  test("is found byte for byte, as a secret", async () => {
    expect((await check(inputs())).inputs.url).toEqual(new Secret(former));
  });

  test("a recorded one gets the admin's new password once", async () => {
    const madeOf = (password: string) => new Secret(`postgresql://postgres:${encodeURIComponent(password)}@db/shop`);
    const onRole = (password: string) => inputs({ connectAs: "role", made: madeOf(password) });
    const { inputs: first } = await check(inputs({ made: madeOf("oldsecret") }));
    const { inputs: kept } = await check(onRole("oldsecret"), first);
    const { inputs: renewed } = await check(onRole("it's/new"), kept);
    expect(renewed.url).toEqual(new Secret("postgres://postgres:it%27s%2Fnew@db/shop?x=%20"));
    expect(renewed.changes).toHaveProperty("url");
    const { inputs: after } = await check(onRole("it's/new"), { ...renewed, changes: {} });
    expect([after.url, after.changes]).toEqual([renewed.url, {}]);

    const other = { ...kept, url: new Secret("postgres://old:oldsecret@db/shop") };
    expect((await check(onRole("new"), other)).inputs).toMatchObject({ url: other.url, changes: {} });
    vi.stubEnv(switches.legacyUrls, "keep");
    try {
      expect((await check(onRole("new"), kept)).inputs).toMatchObject({ url: new Secret(former), changes: {} });
    } finally {
      vi.unstubAllEnvs();
    }
  });

  test("one found on legacy gets it only in the up of rotate-superuser, also when a failed run is continued", async () => {
    const madeOf = (password: string) => new Secret(`postgresql://postgres:${password}@db/shop`);
    const { inputs: first } = await check(inputs({ made: madeOf("oldsecret") }));
    expect((await check(inputs({ made: madeOf("next") }), first)).inputs.url).toEqual(new Secret(former));
    vi.stubEnv(switches.legacyUrls, "renew");
    try {
      const renewed = new Secret(former.replace("oldsecret", "next"));
      const { inputs: second } = await check(inputs({ made: madeOf("next") }), first);
      expect([second.url, Object.keys(second.changes as object)]).toEqual([renewed, ["url"]]);
      // Its restart failed: the service still has the previous one.
      const { inputs: third } = await check(inputs({ made: madeOf("next") }), second);
      expect(third).toMatchObject({ url: renewed, changes: {} });
      for (const stranger of [former.replace("postgres:oldsecret", "old:oldsecret"), former.replace("x=", "y=")]) {
        store(stranger);
        expect((await check(inputs({ made: madeOf("next") }), second)).inputs.url).toEqual(new Secret(stranger));
      }
    } finally {
      vi.unstubAllEnvs();
    }
  });

  test("configured takes precedence over found, found over built", async () => {
    expect((await check(inputs({ given: new Secret(own) }))).inputs.url).toEqual(new Secret(own));
    store("");
    expect((await check(inputs())).inputs.url).toEqual(made);
  });

  test("follows what is found while on legacy, and never changes on the role", async () => {
    const { inputs: first } = await check(inputs());
    store(former.replace("oldsecret", "rotated"));
    const { inputs: second } = await check(inputs(), first);
    expect(second.url).toEqual(new Secret(former.replace("oldsecret", "rotated")));
    store("postgres://somebody@db/shop");
    const { inputs: third } = await check(inputs({ connectAs: "role" }), second);
    expect(third.url).toEqual(second.url);
    // A rollback: the service still has its role's URL.
    store(own);
    expect((await check(inputs(), third)).inputs.url).toEqual(second.url);
  });

  test.each([
    [
      own,
      /DATABASE_URL by .*env\.sh logs in as shop_app, a role of this stack; set app-roles:serviceSecrets\.api\.legacyUrl to its legacy URL/,
    ],
    ["postgres://postgres:oldsecret@db/stock", /names another database than shop/],
    ["secret words", /is not a Postgres URL \(value not shown\)/],
  ])("refuses an invalid one, without revealing it: %s", async (value, message) => {
    store(value);
    const { failures } = await check(inputs());
    expect(failures).toEqual([{ property: "", reason: expect.stringMatching(message) }]);
    expect(JSON.stringify(failures)).not.toMatch(/secret@|secret words/);
  });

  test("an unreadable one is refused the first time, and later keeps the known value", async () => {
    const { inputs: first } = await check(inputs());
    const gone = inputs({ command: { path: join(folder, "none"), args: [] } });
    expect((await check(gone)).failures?.[0]?.reason).toMatch(
      /cannot be looked up: .*ENOENT.*or set app-roles:serviceSecrets\.api\.legacyUrl/,
    );
    const call = testCall();
    const again = await resource.check(call, { news: gone, olds: first, randomSeed });
    expect(again.inputs.url).toEqual(first.url);
    expect(call.lines).toEqual([expect.stringContaining("the URL in the state is kept")]);
  });

  test("once the migration is complete its login is removed, and a rollback is impossible", async () => {
    const { inputs: first } = await check(inputs());
    const complete = inputs({ connectAs: "role", migrationComplete: true });
    const { inputs: second } = await check(complete, first);
    expect(second.url).toEqual(new Secret(former.replace("postgres:oldsecret@", "")));
    expect((await check(complete, second)).inputs.url).toEqual(second.url);
    expect((await check(inputs({ connectAs: "role" }), second)).inputs.url).toEqual(second.url);
    store(own);
    expect((await check(complete)).inputs.url).toEqual(second.url);
    const { failures } = await check(inputs(), second);
    expect(failures).toEqual([
      { property: "", reason: expect.stringMatching(/logs in as shop_app, a role of this stack/) },
    ]);
  });

  test("warns about a user whose later objects no role could use", async () => {
    const call = testCall();
    await resource.check(call, { news: inputs({ legacyUsers: ["dba"] }), randomSeed });
    expect(call.lines).toEqual([expect.stringMatching(/api logs in as postgres/)]);
  });
});

describe("ServiceEnv", () => {
  const resource = toResource(serviceEnv());
  const inputs = (connectAs: "legacy" | "role", more: PropertyMap = {}): PropertyMap => ({
    ...declared(),
    role: "shop_app",
    connectAs,
    url: new Secret(connectAs === "role" ? own : former),
    legacyUrl: new Secret(former),
    ...more,
  });
  const check = (news: PropertyMap, olds?: PropertyMap) =>
    resource.check(testCall(), { news, ...(olds && { olds }), randomSeed });
  const create = (news: PropertyMap, preview = false) =>
    resource.create(testCall(), { inputs: news, preview, timeout: 0 });
  const update = (oldInputs: PropertyMap, news: PropertyMap) =>
    resource.update(testCall(), { id: "api", olds: oldInputs, oldInputs, news, preview: false, timeout: 0 });
  const place = () => `DATABASE_URL by ${join(folder, "env.sh")}`;

  test("on legacy with its current URL nothing is changed", async () => {
    const { inputs: news } = await check(inputs("legacy"));
    expect(news.changes).toEqual({});
    await create(news);
    expect(actions()).toEqual([]);
  });

  test("a preview shows only the users and changes nothing", async () => {
    const { inputs: news } = await check(inputs("role"));
    expect(news.changes).toEqual({ [place()]: "user postgres -> user shop_app" });
    await create(news, true);
    expect(actions()).toEqual([]);
    const { inputs: early } = await check(inputs("role", { url: unknown }));
    expect(early.changes).toEqual({ [place()]: "user postgres -> not known yet" });
  });

  test("cutover, no change, rollback: one write and one deploy each, and counted", async () => {
    const { inputs: legacy } = await check(inputs("legacy"));
    const { inputs: role } = await check(inputs("role"), legacy);
    await update(legacy, role);
    expect([stored(), actions()]).toEqual([own, ["write", "deploy"]]);
    const { inputs: again } = await check(inputs("role"), role);
    expect([again.changes, again.deployments]).toEqual([{}, role.deployments]);
    const { inputs: back } = await check(inputs("legacy"), again);
    await update(again, back);
    expect([stored(), actions()]).toEqual([former, ["write", "deploy"]]);
    expect([legacy, role, back].map(({ deployments }) => deployments)).toEqual([0, 1, 2]);
  });

  test("manual drift is detected and fixed", async () => {
    const { inputs: role } = await check(inputs("role"));
    await create(role);
    store(own.replace("newsecret", "another"));
    const { inputs: news } = await check(inputs("role"), role);
    expect(news.changes).toEqual({ [place()]: "user shop_app, another password or address" });
    await update(role, news);
    expect(stored()).toBe(own);
  });

  test("after an up killed between write and deploy, the next one deploys", async () => {
    const { inputs: legacy } = await check(inputs("legacy"));
    store(own);
    const { inputs: role } = await check(inputs("role"), legacy);
    expect(role.deployments).toBe(1);
    await update(legacy, role);
    expect(actions()).toEqual(["deploy"]);
  });

  test("a service that its script rolled back is deployed again with a warning, unless the rollback reports the restart", async () => {
    const { inputs: role } = await check(inputs("role"));
    await create(role);
    store(former); // the script
    actions();
    const call = testCall();
    const { inputs: back } = await resource.check(call, { news: inputs("legacy"), olds: role, randomSeed });
    expect(call.lines.join()).toContain("The URL that the service runs with is not known, so it is deployed again");
    await update(role, back);
    expect(actions()).toEqual(["deploy"]);

    vi.stubEnv("APP_ROLES_ROLLED_BACK", "api");
    const { inputs: seen } = await check(inputs("legacy"), role);
    await update(role, seen);
    vi.unstubAllEnvs();
    expect([seen.deployments, actions()]).toEqual([role.deployments, []]);
  });

  test("its deletion restores the legacy URL, once", async () => {
    const { inputs: role } = await check(inputs("role"));
    await create(role);
    actions();
    const remove = (olds: PropertyMap) => resource.delete(testCall(), { id: "api", olds, oldInputs: olds, timeout: 0 });
    await remove(role);
    expect([stored(), actions()]).toEqual([former, ["write", "deploy"]]);
    await remove((await check(inputs("legacy"))).inputs);
    expect(actions()).toEqual([]);
  });
});
