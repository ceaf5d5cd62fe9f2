import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { cutovers } from "../../../provider/cutover/limit/resource.ts";
import { temporaryFolder } from "../../sandbox/temporary.ts";
import { testCall } from "../calls.ts";

type ConnectAs = "legacy" | "role";

/** Why the up is refused; undefined if it is not. @param before inputs of the last up, if any */
async function refusal(
  now: Record<string, ConnectAs>,
  before: Record<string, ConnectAs> | undefined,
  max = 1,
): Promise<string | undefined> {
  const inputs = (services: Record<string, ConnectAs>) => ({
    services: Object.entries(services).map(([service, connectAs]) => ({ service, connectAs })),
    max,
  });
  const { failures, changes } = await cutovers().plan(inputs(now), before && inputs(before), {}, testCall());
  expect(changes).toEqual({});
  return failures?.[0]?.reason;
}

const allLegacy = { api: "legacy", worker: "legacy", cron: "legacy" } as const;

test("one up may cut over one service; two are refused by name, in cutover order", async () => {
  expect(await refusal({ ...allLegacy, worker: "role" }, allLegacy)).toBeUndefined();
  const refused = await refusal({ ...allLegacy, cron: "role", worker: "role" }, allLegacy);
  expect(refused).toContain(
    "2 services would be cut over in one up: worker, cron; app-roles:maxCutoversPerUp allows 1.",
  );
  expect(refused).toContain("worker is first: set app-roles:services.cron.connectAs back to legacy");
});

test("the declared number is allowed", async () => {
  const all = { api: "role", worker: "role", cron: "role" } as const;
  expect(await refusal(all, allLegacy, 3)).toBeUndefined();
  expect(await refusal(all, allLegacy, 2)).toContain(
    "api, worker are first: set app-roles:services.cron.connectAs back to legacy",
  );
});

test("a first up, new services, rollbacks and services already on their role do not count", async () => {
  const all = { api: "role", worker: "role", cron: "role" } as const;
  expect(await refusal(all, undefined)).toBeUndefined();
  expect(await refusal({ ...all, extra: "role", more: "role" }, all)).toBeUndefined();
  expect(
    await refusal({ api: "role", worker: "role", extra: "role" }, { api: "legacy", worker: "role" }),
  ).toBeUndefined();
  expect(await refusal(allLegacy, all)).toBeUndefined();
});

test("problems of several services are reported in one go; a single one is left to its service", async () => {
  const place = (service: string) => ({
    service,
    urlKey: "DATABASE_URL",
    command: { path: `/nowhere/${service}.sh`, args: [] },
  });
  const reasons = async (...services: string[]) => {
    const inputs = { services: [], max: 1, places: services.map(place) };
    const { failures = [] } = await cutovers().plan(inputs, undefined, {}, testCall());
    return failures.map(({ reason }) => reason);
  };
  expect(await reasons("api", "worker")).toEqual([
    "app-roles:services.api.command: /nowhere/api.sh api read cannot be started: ENOENT (services.api.command.path)",
    "app-roles:services.worker.command: /nowhere/worker.sh worker read cannot be started: ENOENT (services.worker.command.path)",
  ]);
  expect(await reasons("api")).toEqual([]);
});

describe("with compose", () => {
  /** A docker-compose whose `config` prints the file. */
  const compose = async () => {
    const folder = await temporaryFolder();
    const bin = join(folder, "bin");
    mkdirSync(bin);
    const prints = `#!/bin/sh
case "$*" in *version*) echo 1.29.2; exit 0;; esac
while [ "$1" != --file ]; do shift; done
cat "$2"`;
    writeFileSync(join(bin, "docker-compose"), prints, { mode: 0o755 });
    writeFileSync(join(bin, "docker"), "#!/bin/sh\nexit 1", { mode: 0o755 });
    vi.stubEnv("PATH", `${bin}:${process.env.PATH}`);
    onTestFinished(() => void vi.unstubAllEnvs());
    const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
    write("docker-compose.yml", "services: {web: {image: web, env_file: web.env}}");
    write("web.env", "DATABASE_URL=postgres://postgres:hush@db/shop\n");
    const place = (service: string, more: object) => ({
      service,
      urlKey: "DATABASE_URL",
      dockerHost: "unix:///nowhere/docker.sock",
      compose: {
        files: [join(folder, "docker-compose.yml")],
        service: "web",
        envFile: join(folder, "web.env"),
        ...more,
      },
    });
    return { folder, write, place };
  };
  type Inputs = Parameters<ReturnType<typeof cutovers>["plan"]>[0];
  const reasons = async (inputs: Partial<Inputs>, before?: Inputs["services"]) => {
    const olds = before && { services: before, max: 1 };
    const { failures = [] } = await cutovers().plan({ services: [], max: 1, ...inputs }, olds, {}, testCall());
    return failures.map(({ property, reason }) => `${property}${reason}`);
  };

  test("a missing file, invalid YAML, a missing service and an env file: all are reported, without values", async () => {
    const { folder, write, place } = await compose();
    write("broken.yml", 'services: {web: {environment: ["PASSWORD=hush"}}');
    write("open.env", "DATABASE_URL='postgres://postgres:hush@db/shop\n");
    const places = [
      place("gone", { files: [join(folder, "none.yml")], envFile: join(folder, "none.env") }),
      place("broken", { files: [join(folder, "broken.yml")] }),
      place("other", { service: "api" }),
      place("open", { envFile: join(folder, "open.env") }),
    ];
    const found = await reasons({ places });
    expect(found).toEqual([
      `app-roles:services.gone.compose.files: ${folder}/none.yml cannot be read (ENOENT)`,
      `app-roles:services.gone.compose.envFile: ${folder}/none.env cannot be read (ENOENT)`,
      expect.stringMatching(
        /^app-roles:services\.broken\.compose\.files: .*broken\.yml is not valid YAML: \w+ at line 1, column \d+$/,
      ),
      expect.stringMatching(
        /^app-roles:services\.other\.compose\.service: the compose project in .* has no service api; it has web$/,
      ),
      `app-roles:services.open.compose: ${folder}/open.env: line 1 does not close its quote (')`,
    ]);
    expect(found.join()).not.toContain("hush");
  });

  test("an unreadable env file", async () => {
    const { folder, write, place } = await compose();
    write("dir.env", "");
    execFileSync("sh", ["-c", "rm dir.env && mkdir dir.env"], { cwd: folder });
    const both = [
      place("one", { envFile: join(folder, "dir.env") }),
      place("two", { envFile: join(folder, "dir.env") }),
    ];
    expect(await reasons({ places: both })).toEqual(
      ["one", "two"].map(
        (name) => `app-roles:services.${name}.compose.envFile: ${folder}/dir.env cannot be read (EISDIR)`,
      ),
    );
  });

  test("policy violations are reported together with problems that stop the preview, otherwise left to the policies", async () => {
    const { folder, place } = await compose();
    const broken = [place("gone", { envFile: join(folder, "none.env") })];
    const timeouts = { by: "policies" as const, reason: "app-roles:roles.api: api has no idle_session_timeout" };
    const over = { by: "preview" as const, reason: "app-roles:roles: the connection limits add up to 131" };
    expect(await reasons({ refused: [timeouts] })).toEqual([]);
    expect(await reasons({ refused: [over] })).toEqual([]);
    expect(await reasons({ places: broken })).toEqual([]);
    const file = `app-roles:services.gone.compose.envFile: ${folder}/none.env cannot be read (ENOENT)`;
    expect(await reasons({ places: broken, refused: [timeouts, over] })).toEqual([file, over.reason, timeouts.reason]);
    expect(await reasons({ refused: [over, timeouts] })).toEqual([over.reason, timeouts.reason]);
  });
});

test("problems of a due restart are reported with the others", async () => {
  const services = (connectAs: ConnectAs) => [{ service: "api", connectAs }];
  const timeouts = { by: "policies" as const, reason: "app-roles:roles.api: api has no idle_session_timeout" };
  const place = { service: "api", urlKey: "DATABASE_URL", command: { path: "/nowhere/api.sh", args: [] } };
  const inputs = { services: services("role"), max: 1, places: [place], refused: [timeouts] };
  const { failures = [] } = await cutovers().plan(inputs, { services: services("legacy"), max: 1 }, {}, testCall());
  expect(failures.map(({ reason }) => reason)).toEqual([
    expect.stringContaining("app-roles:services.api.command: /nowhere/api.sh api read cannot be started"),
    timeouts.reason,
  ]);
});
