import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { containerName } from "../../../provider/container-name/resource.ts";
import { bringContainerBack } from "../../../provider/functions/bring-container-back.ts";
import { legacyUrl } from "../../../provider/legacy-url/resource.ts";
import { reveal } from "../../../provider/rpc/values.ts";
import { SandboxDocker } from "../../../sandbox/docker/api.ts";
import { testCall } from "../calls.ts";
import { type Dockerd, noDockerd, startDockerd } from "../service-env/docker.ts";

const why = await noDockerd();

describe.skipIf(why !== undefined)(`the name of a container${why ? ` (skipped: ${why})` : ""}`, () => {
  let dockerd: Dockerd;
  let docker: SandboxDocker;
  const setAside = new Set<string>();
  const resource = containerName(setAside);
  const ours = { "app-roles.stack": "app/prod", "app-roles.service": "api" };
  const found = "postgres://postgres:a%20b@db/shop?x=1";

  beforeAll(async () => {
    dockerd = await startDockerd();
    docker = new SandboxDocker(dockerd.host);
  });
  afterEach(async () => {
    setAside.clear();
    for (const { Id } of await docker.listContainers({ all: true }))
      await docker.getContainer(Id).remove({ force: true });
  });
  afterAll(() => dockerd?.stop());

  async function start(name: string, labels: Record<string, string> = {}, restart = "unless-stopped", seconds = "600") {
    const HostConfig = { NetworkMode: "none", RestartPolicy: { Name: restart } };
    const Env = [`DATABASE_URL=${found}`, "X=1"];
    const options = {
      name,
      Image: "sleeper:1",
      Cmd: ["/bin/sleep", seconds],
      Labels: labels,
      Env,
      HostConfig,
      StopTimeout: 0,
    };
    const container = await docker.createContainer(options);
    await container.start();
    return container;
  }
  const inputs = (existing: "refuse" | "replace" = "replace") => ({
    service: "api",
    name: "shop-api",
    stack: "app/prod",
    existing,
    dockerHost: dockerd.host,
  });
  const plan = (existing?: "refuse" | "replace") => resource.plan(inputs(existing), undefined, {});
  const nothing = { changes: {}, warnings: [] };
  /** Name to whether it runs. */
  const containers = async () => {
    const all = await docker.listContainers({ all: true });
    return Object.fromEntries(all.map(({ Names, State }) => [Names[0]?.slice(1), State === "running"]));
  };

  test("that no container has, or one of this stack, needs no change", async () => {
    expect(await plan("refuse")).toEqual(nothing);
    await start("shop-api", ours);
    expect(await plan("refuse")).toEqual(nothing);
    expect(await resource.apply(inputs(), undefined, testCall())).toBeUndefined();
    await resource.remove(inputs(), testCall());
    expect(await containers()).toEqual({ "shop-api": true });
  });

  test.each([
    [
      "compose",
      { "com.docker.compose.project": "shop", "com.docker.compose.service": "web" },
      "compose project shop, service web",
    ],
    ["another stack", { ...ours, "app-roles.stack": "app/staging" }, "service api of the stack app/staging"],
    ["hand", {}, "from sleeper:1"],
  ])(
    "of a container that was created by %s is refused in the preview, with the next step",
    async (_who, labels, createdBy) => {
      await start("shop-api", labels);
      const { failures = [] } = await plan("refuse");
      expect(failures).toEqual([{ property: "", reason: expect.stringContaining(createdBy) }]);
      expect(failures[0]?.reason).toContain("Set app-roles:services.api.container.existing: replace");
      await expect(resource.apply(inputs("refuse"), undefined, testCall())).rejects.toThrow(
        "not created by this stack",
      );
      expect(await containers()).toEqual({ "shop-api": true });
    },
  );

  test("is freed on request, and remove restores its container; each step can be run again", async () => {
    const { id } = await start("shop-api");
    const aside = { "shop-api-before-app-roles": false };
    expect((await plan()).changes).toEqual({
      "shop-api": expect.stringMatching(
        /^of created .* from sleeper:1: stopped, and kept as shop-api-before-app-roles$/,
      ),
    });
    // Killed between the two steps.
    await docker.getContainer("shop-api").stop();
    expect((await plan()).changes).toHaveProperty("shop-api");
    await resource.apply(inputs(), undefined, testCall());
    expect(await containers()).toEqual(aside);
    // It is started by hand.
    await docker.getContainer("shop-api-before-app-roles").start();
    expect((await plan()).changes).toEqual({ "shop-api-before-app-roles": "stopped" });
    await resource.apply(inputs(), undefined, testCall());
    expect(await containers()).toEqual(aside);
    expect((await docker.getContainer(id).inspect()).HostConfig.RestartPolicy?.Name).toBe("unless-stopped");
    expect(await plan()).toEqual(nothing);
    expect((await resource.plan({ ...inputs(), migrationComplete: true }, undefined, {})).warnings).toEqual([
      expect.stringContaining("docker rm shop-api-before-app-roles"),
    ]);
    await resource.remove(inputs(), testCall());
    await resource.remove(inputs(), testCall());
    expect(await containers()).toEqual({ "shop-api": true });
    expect((await docker.getContainer("shop-api").inspect()).Id).toBe(id);

    expect(await resource.apply(inputs(), undefined, testCall())).toContain("is stopped and kept as");
    await start("shop-api");
    const { failures = [] } = await plan();
    expect(failures[0]?.reason).toContain("is kept as shop-api-before-app-roles already. Remove one of the two");
    await expect(resource.apply(inputs(), undefined, testCall())).rejects.toThrow("already");
    await expect(resource.remove(inputs(), testCall())).rejects.toThrow("another container has it");
  });

  test("is freed by a container with the restart policy always, which remove restores; each step can be run again", async () => {
    const { id } = await start("shop-api", {}, "always");
    const policy = async () => (await docker.getContainer(id).inspect()).HostConfig.RestartPolicy?.Name;
    await resource.apply(inputs(), undefined, testCall());
    expect([await containers(), await policy()]).toEqual([
      { "shop-api-before-app-roles-always": false },
      "unless-stopped",
    ]);
    expect(await plan()).toEqual(nothing);
    // Killed after the rename: it runs under its new name.
    await docker.getContainer(id).update({ RestartPolicy: { Name: "always" } });
    await docker.getContainer(id).start();
    expect((await plan()).changes).toEqual({ "shop-api-before-app-roles-always": "stopped" });
    await resource.apply(inputs(), undefined, testCall());
    expect(await policy()).toBe("unless-stopped");
    await resource.remove(inputs(), testCall());
    expect([await containers(), await policy()]).toEqual([{ "shop-api": true }, "always"]);
  });

  test("is also freed by a container that crashes and restarts repeatedly", async () => {
    const { id } = await start("shop-api", {}, "unless-stopped", "never");
    const state = () => docker.getContainer(id).inspect();
    // Docker doubles the pause each time: by now it is longer than the steps take.
    await expect.poll(async () => (await state()).RestartCount, { timeout: 30_000 }).toBeGreaterThan(5);
    await expect.poll(async () => (await state()).State.Restarting, { timeout: 30_000 }).toBe(true);
    await resource.apply(inputs(), undefined, testCall());
    expect((await state()).State).toMatchObject({ Running: false, Restarting: false });
    expect(await containers()).toEqual({ "shop-api-before-app-roles": false });
    await resource.remove(inputs(), testCall());
    expect(Object.keys(await containers())).toEqual(["shop-api"]);
  });

  test("gets its previous container back when the new one cannot be created, only in the up that set it aside", async () => {
    await start("shop-api");
    const { existing: _, ...place } = inputs();
    const back = () => bringContainerBack(setAside)(place, { preview: false, signal: new AbortController().signal });
    expect(await back()).toEqual({ result: { broughtBack: false } });
    await resource.apply(inputs(), undefined, testCall());
    await start("shop-api", ours);
    expect(await back()).toEqual({ result: { broughtBack: true } });
    expect(await containers()).toEqual({ "shop-api": true });
    expect((await docker.getContainer("shop-api").inspect()).Config.Labels).not.toHaveProperty(["app-roles.service"]);
    expect(await back()).toEqual({ result: { broughtBack: false } });
  });

  test("of a container of the rollback script is freed, and the preview warns that it was rolled back", async () => {
    await start("shop-api", { ...ours, "app-roles.rollback": "true" });
    const { changes, warnings } = await plan("refuse");
    expect(changes).toEqual({ "shop-api": "of the rollback script: removed" });
    expect(warnings).toEqual([expect.stringContaining("the rollback script rolled api back to its legacy URL")]);
    await resource.apply(inputs("refuse"), undefined, testCall());
    expect(await containers()).toEqual({});
  });

  describe("and its legacy URL", () => {
    const made = "postgres://postgres:made@db/shop";
    const url = async (connectAs: "legacy" | "role", before: Record<string, string | boolean> = {}, more = {}) => {
      const names = { service: "api", urlKey: "DATABASE_URL", container: "shop-api", database: "shop" };
      const users = { roles: ["shop_app"], legacyUsers: ["postgres"], dockerHost: dockerd.host };
      const declared = { ...names, ...users, connectAs, made, ...more };
      const { observed = {}, failures } = await legacyUrl().plan(declared, undefined, before, testCall());
      expect(failures ?? []).toEqual([]);
      return { url: reveal(observed.url ?? null), isMade: observed.isMade };
    };

    test("is that of the previous container, byte for byte, and is kept without that container", async () => {
      await start("shop-api");
      const first = { url: found, isMade: false };
      expect(await url("legacy")).toEqual(first);
      await resource.apply(inputs(), undefined, testCall());
      for (const connectAs of ["legacy", "role"] as const) expect(await url(connectAs, first)).toEqual(first);
      // The container was set aside before the first search.
      expect(await url("legacy")).toEqual(first);
      await start("shop-api", ours);
      expect(await url("legacy")).toEqual(first);
    });

    test("follows the admin's login where no previous container existed", async () => {
      expect(await url("legacy")).toEqual({ url: made, isMade: true });
      await start("shop-api", ours);
      expect(await url("legacy")).toEqual({ url: made, isMade: true });
      const before = { url: "postgres://postgres:previous@db/shop", isMade: true };
      expect(await url("legacy", before)).toEqual({ url: made, isMade: true });
      expect(await url("role", before, { dockerHost: "unix:///nowhere" })).toEqual({ url: made, isMade: true });
    });
  });
});
