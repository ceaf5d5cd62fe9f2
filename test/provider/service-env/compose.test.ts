import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ComposeTarget } from "../../../provider/service-env/compose.ts";
import { installedComposes } from "../../../sandbox/docker/compose.ts";
import { testCall } from "../calls.ts";
import { type Dockerd, noDockerd, startDockerd } from "./docker.ts";

const reason = await noDockerd();
const installed = reason === undefined ? await installedComposes() : [];
const skipped = reason ?? (installed.length === 0 ? "there is no compose on the PATH" : undefined);
const former = "postgres://postgres:old$ecret@db/shop";
const next = "postgres://shop_app:0123456789abcdef@db/shop";
const sleeper = 'image: "sleeper:1", command: ["/bin/sleep", "1000000"], network_mode: none, stop_signal: SIGKILL';

let docker: Dockerd;
beforeAll(async () => {
  if (skipped === undefined) docker = await startDockerd();
});
afterAll(() => docker?.stop());

test.runIf(skipped !== undefined)(`compose is not tested here: ${skipped}`, () => {
  expect(skipped).toBeTypeOf("string");
});

describe.each(installed)("%s %s", (...command) => {
  let folder: string;
  let tests = 0;
  beforeEach(() => {
    folder = join(mkdtempSync(join(tmpdir(), "app-roles-compose-test-")), `Shop ${tests++}`);
    mkdirSync(folder);
    write("web.env", `A=1\r\nDATABASE_URL='${former}' # main\r\nB=2`);
  });
  afterEach(() => {
    // The daemon is this file's own, and compose takes half a second for each command.
    const containers = run("docker", "ps", "-aq");
    if (containers !== "") run("docker", "rm", "--force", "--volumes", ...containers.split("\n"));
    rmSync(join(folder, ".."), { recursive: true });
  });

  const path = (name: string) => join(folder, name);
  const write = (name: string, text: string) => writeFileSync(path(name), text);
  const read = (name: string) => readFileSync(path(name), "utf8");
  const run = (executable: string, ...args: string[]) =>
    execFileSync(executable, args, {
      cwd: folder,
      env: { ...process.env, DOCKER_HOST: docker.host },
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    }).trim();
  const compose = (...args: string[]) => run(command[0] as string, ...command.slice(1), ...args);
  /** Writes and starts compose files of these services. */
  const started = (services: string, ...names: string[]): void => {
    write("docker-compose.yml", `version: "3.8"\nservices: {${services}}\n`);
    compose("up", "-d", "--no-build", ...names);
  };
  const web = (more = "") => `web: {${sleeper}, env_file: web.env${more}}`;
  const target = (envFile = "web.env") =>
    new ComposeTarget({
      service: "api",
      urlKey: "DATABASE_URL",
      files: [path("docker-compose.yml")],
      composeService: "web",
      envFile: path(envFile),
      dockerHost: docker.host,
    });
  const idOf = (service: string) =>
    run("docker", "ps", "-aq", "--no-trunc", "--filter", `label=com.docker.compose.service=${service}`);
  const urlOf = (service: string) => {
    const env = JSON.parse(run("docker", "inspect", "--format", "{{json .Config.Env}}", idOf(service))) as string[];
    return env.find((each) => each.startsWith("DATABASE_URL="))?.slice("DATABASE_URL=".length);
  };
  const examined = async (envFile?: string) => target(envFile).examine(testCall());

  test("cutover and rollback change one line of the file and one container, byte for byte", async () => {
    started(`${web()}, other: {${sleeper}}`);
    const [text, other] = [read("web.env"), idOf("other")];
    const call = testCall();
    expect(await target().find(call)).toMatchObject({ stored: former, running: [{ value: former }] });
    expect(await examined()).toEqual({ refusals: [], warnings: [] });

    await target().put(next, call);
    expect(read("web.env")).toBe(text.replace(former, next));
    expect(urlOf("web")).toBe(next);
    const id = idOf("web");
    await target().put(next, call);
    expect(idOf("web")).toBe(id);

    await target().put(former, call);
    expect(read("web.env")).toBe(text);
    expect(urlOf("web")).toBe(former);
    expect(idOf("other")).toBe(other);
    expect(await target().projectName(call)).toBe(
      compose("ps", "-q", "web") &&
        run("docker", "inspect", "--format", '{{index .Config.Labels "com.docker.compose.project"}}', idOf("web")),
    );
  });

  test("an up killed between the line and the restart is continued", async () => {
    started(web());
    write("web.env", read("web.env").replace(former, next));
    const found = await target().find(testCall());
    expect(found).toMatchObject({ stored: next, running: [{ value: former }] });
    await target().put(next, testCall());
    expect(urlOf("web")).toBe(next);
  });

  test("a failed restart restores the line, and the service runs with it again", async () => {
    // A variable that selects the container's runtime: only the previous runtime exists.
    write(".env", "DATABASE_URL=runc\nB=2");
    started(`web: {${sleeper}, runtime: "\${DATABASE_URL}", environment: {DATABASE_URL: "\${DATABASE_URL}"}}`);
    const error = await target(".env")
      .put("none-0123456789abcdef", testCall())
      .catch((error: Error) => error.message);
    expect(error).toMatch(/failed \(exit code \d+\):/);
    expect(error).toContain("[secret]");
    expect(error).not.toContain("0123456789abcdef");
    // Version 2 checks the runtime before it stops anything.
    expect(error).toMatch(
      /The previous line in .*\.env was restored(, and web runs with it again|; the containers were not changed)\.$/,
    );
    expect(read(".env")).toBe("DATABASE_URL=runc\nB=2");
    expect(await target(".env").find(testCall())).toMatchObject({ stored: "runc", running: [{ value: "runc" }] });
    expect(run("docker", "inspect", "--format", "{{.State.Running}}", idOf("web"))).toBe("true");
  });

  test("if compose cannot start the previous one either, the remaining container runs again", async () => {
    started(web());
    const [text, id] = [read("web.env"), idOf("web")];
    // As after a killed up: only the container has the previous value.
    write("web.env", text.replace(former, next));
    write("docker-compose.yml", `version: "3.8"\nservices: {${web(', runtime: "none"')}}\n`);
    const error = await target()
      .put(next, testCall())
      .catch((error: Error) => error.message);
    expect(error).toMatch(/previous line in .* was restored/);
    expect(error).not.toMatch(/0123456789abcdef|ecret@/);
    expect(read("web.env")).toBe(text);
    expect(run("docker", "inspect", "--format", "{{.State.Running}}", id)).toBe("true");
  });

  test.each([
    [
      "a key under environment:",
      web(`, environment: {DATABASE_URL: "${former}"}`),
      /DATABASE_URL is set in environment: of web in the compose file, which overrides .*web\.env/,
    ],
    [
      "an env file that another service reads",
      `${web()}, cron: {${sleeper}, env_file: [./web.env]}`,
      /web\.env is also the env file of cron, whose DATABASE_URL would change too/,
    ],
    [
      "an env file behind it",
      `web: {${sleeper}, env_file: [web.env, last.env]}`,
      /compose passes web another DATABASE_URL than .*web\.env has: a later env file sets it too/,
    ],
    [
      "an env file that is not the service's",
      `web: {${sleeper}, env_file: last.env}`,
      /web\.env is neither an env_file of web \(it has: .*last\.env\)/,
    ],
  ])("refuses %s, without a value, and touches nothing", async (_, services, message) => {
    write("last.env", "DATABASE_URL=postgres://another:secret@db/shop\n");
    started(services);
    const text = read("web.env");
    const { refusals } = await examined();
    expect(refusals).toEqual([expect.stringMatching(message)]);
    expect(refusals.join()).not.toMatch(/ecret/);
    const id = idOf("web");
    await expect(target().put(next, testCall())).rejects.toThrow(message);
    expect(read("web.env")).toBe(text);
    expect(idOf("web")).toBe(id);
  });

  test("an env file that another service reads under its own key is accepted", async () => {
    started(`${web()}, cron: {${sleeper}, env_file: web.env, environment: {DATABASE_URL: "postgres://cron@db/shop"}}`);
    expect(await examined()).toEqual({ refusals: [], warnings: [] });
  });

  test("refuses a redeploy that would start another or a missing image", async () => {
    run("docker", "tag", "sleeper:1", "moving:latest");
    started(web().replace("sleeper:1", "moving:latest"));
    run("docker", "tag", "sleeper:2", "moving:latest");
    expect((await examined()).refusals).toEqual([
      expect.stringMatching(
        /a redeploy of web would start another image: moving:latest is now [0-9a-f]{12}, but \S+ runs [0-9a-f]{12}/,
      ),
    ]);
    run("docker", "rmi", "moving:latest");
    expect((await examined()).refusals).toEqual([
      expect.stringMatching(/needs the image moving:latest, which is not on this Docker host/),
    ]);
  });

  test("warns about other changes of a redeploy", async () => {
    started(web());
    write("web.env", read("web.env").replace("B=2", "B=3"));
    expect((await examined()).warnings).toEqual([
      expect.stringMatching(/a redeploy also applies changes since \S+ was started: B$/),
    ]);
  });

  test("the project's .env, used by environment:", async () => {
    write(".env", `DATABASE_URL=postgres://postgres:old@db/shop\nTAG=1\n`);
    started(`web: {${sleeper}, environment: {DATABASE_URL: "\${DATABASE_URL}"}}`);
    expect(await examined(".env")).toEqual({ refusals: [], warnings: [] });
    await target(".env").put(next, testCall());
    expect(read(".env")).toBe(`DATABASE_URL=${next}\nTAG=1\n`);
    expect(urlOf("web")).toBe(next);

    started(
      `web: {${sleeper}, environment: {DATABASE_URL: "\${DATABASE_URL}"}}, cron: {${sleeper}, environment: {PG: "\${DATABASE_URL}"}}`,
      "web",
    );
    expect((await examined(".env")).refusals).toEqual([
      expect.stringMatching(/also passes \$\{DATABASE_URL\} to cron/),
    ]);
    started(`web: {${sleeper}, environment: {DATABASE_URL: "\${DATABASE_URL}?x=1"}}`);
    expect((await examined(".env")).refusals).toEqual([
      expect.stringMatching(/must have exactly DATABASE_URL: \$\{DATABASE_URL\}/),
    ]);
  });

  test("every replica is restarted, and their number is kept", async () => {
    started(web());
    compose("up", "-d", "--no-build", "--scale", "web=2", "web");
    await target().put(next, testCall());
    const { running } = await target().find(testCall());
    expect(running.map(({ value }) => value)).toEqual([next, next]);
  });

  test("reports a missing service and a missing file", async () => {
    started(`api: {${sleeper}}`);
    await expect(target().find(testCall())).rejects.toThrow(/has no service web; it has api/);
    await expect(target("none.env").find(testCall())).rejects.toThrow(
      /services\.api\.compose\.envFile: .*none\.env cannot be read \(ENOENT\)/,
    );
  });
});
