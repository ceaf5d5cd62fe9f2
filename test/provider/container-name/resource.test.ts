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
  const putAside = new Set<string>();
  const resource = containerName(putAside);
  const ours = { "app-roles.stack": "app/prod", "app-roles.service": "api" };
  const found = "postgres://postgres:a%20b@db/shop?x=1";

  beforeAll(async () => {
    dockerd = await startDockerd();
    docker = new SandboxDocker(dockerd.host);
  });
  afterEach(async () => {
    putAside.clear();
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

  test("that nobody has, or a container of this stack, is fine", async () => {
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
    "that a container has which is made by %s is refused in the preview, with what to do",
    async (_who, labels, madeBy) => {
      await start("shop-api", labels);
      const { failures = [] } = await plan("refuse");
      expect(failures).toEqual([{ property: "", reason: expect.stringContaining(madeBy) }]);
      expect(failures[0]?.reason).toContain("Set app-roles:services.api.container.existing: replace");
      await expect(resource.apply(inputs("refuse"), undefined, testCall())).rejects.toThrow("this stack did not make");
      expect(await containers()).toEqual({ "shop-api": true });
    },
  );

  test("is made free on request, and its container comes back at the end; each step may be done again", async () => {
    const { id } = await start("shop-api");
    const aside = { "shop-api-before-app-roles": false };
    expect((await plan()).changes).toEqual({
      "shop-api": expect.stringMatching(/^of made .* from sleeper:1: stopped, and kept as shop-api-before-app-roles$/),
    });
    // Killed between the two steps.
    await docker.getContainer("shop-api").stop();
    expect((await plan()).changes).toHaveProperty("shop-api");
    await resource.apply(inputs(), undefined, testCall());
    expect(await containers()).toEqual(aside);
    // Somebody starts it all the same.
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
    await expect(resource.remove(inputs(), testCall())).rejects.toThrow("another one has it");
  });

  test("gives a container with the restart policy always that policy back; each step may be done again", async () => {
    const { id } = await start("shop-api", {}, "always");
    const policy = async () => (await docker.getContainer(id).inspect()).HostConfig.RestartPolicy?.Name;
    await resource.apply(inputs(), undefined, testCall());
    expect([await containers(), await policy()]).toEqual([
      { "shop-api-before-app-roles-always": false },
      "unless-stopped",
    ]);
    expect(await plan()).toEqual(nothing);
    // Killed behind the rename: it runs under the name it was given.
    await docker.getContainer(id).update({ RestartPolicy: { Name: "always" } });
    await docker.getContainer(id).start();
    expect((await plan()).changes).toEqual({ "shop-api-before-app-roles-always": "stopped" });
    await resource.apply(inputs(), undefined, testCall());
    expect(await policy()).toBe("unless-stopped");
    await resource.remove(inputs(), testCall());
    expect([await containers(), await policy()]).toEqual([{ "shop-api": true }, "always"]);
  });

  test("is made free by a container that crashes and is restarted over and over, too", async () => {
    const { id } = await start("shop-api", {}, "unless-stopped", "never");
    const state = () => docker.getContainer(id).inspect();
    // Each pause is twice the one before: from now on it waits for longer than the steps take.
    await expect.poll(async () => (await state()).RestartCount, { timeout: 30_000 }).toBeGreaterThan(5);
    await expect.poll(async () => (await state()).State.Restarting, { timeout: 30_000 }).toBe(true);
    await resource.apply(inputs(), undefined, testCall());
    expect((await state()).State).toMatchObject({ Running: false, Restarting: false });
    expect(await containers()).toEqual({ "shop-api-before-app-roles": false });
    await resource.remove(inputs(), testCall());
    expect(Object.keys(await containers())).toEqual(["shop-api"]);
  });

  test("has its former container again when the new one cannot be made, in the run that put it aside alone", async () => {
    await start("shop-api");
    const { existing: _, ...place } = inputs();
    const back = () => bringContainerBack(putAside)(place, { preview: false, signal: new AbortController().signal });
    expect(await back()).toEqual({ result: { broughtBack: false } });
    await resource.apply(inputs(), undefined, testCall());
    await start("shop-api", ours);
    expect(await back()).toEqual({ result: { broughtBack: true } });
    expect(await containers()).toEqual({ "shop-api": true });
    expect((await docker.getContainer("shop-api").inspect()).Config.Labels).not.toHaveProperty(["app-roles.service"]);
    expect(await back()).toEqual({ result: { broughtBack: false } });
  });

  test("of a container that the rollback script made is made free, and the preview says that it was rolled back", async () => {
    await start("shop-api", { ...ours, "app-roles.rollback": "true" });
    const { changes, warnings } = await plan("refuse");
    expect(changes).toEqual({ "shop-api": "of the rollback script: removed" });
    expect(warnings).toEqual([expect.stringContaining("was put back on its legacy URL by its rollback script")]);
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

    test("is that of the container which was there, byte for byte, and is kept once it is not", async () => {
      await start("shop-api");
      const first = { url: found, isMade: false };
      expect(await url("legacy")).toEqual(first);
      await resource.apply(inputs(), undefined, testCall());
      for (const connectAs of ["legacy", "role"] as const) expect(await url(connectAs, first)).toEqual(first);
      // One that was put aside before anybody had looked.
      expect(await url("legacy")).toEqual(first);
      await start("shop-api", ours);
      expect(await url("legacy")).toEqual(first);
    });

    test("follows the admin's login where no container of somebody else's was", async () => {
      expect(await url("legacy")).toEqual({ url: made, isMade: true });
      await start("shop-api", ours);
      expect(await url("legacy")).toEqual({ url: made, isMade: true });
      const before = { url: "postgres://postgres:former@db/shop", isMade: true };
      expect(await url("legacy", before)).toEqual({ url: made, isMade: true });
      expect(await url("role", before, { dockerHost: "unix:///nowhere" })).toEqual({ url: made, isMade: true });
    });
  });
});
