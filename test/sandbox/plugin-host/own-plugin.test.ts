import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Secret } from "../../../provider/rpc/values.ts";
import { hostedCommand, startPluginHost } from "../../../sandbox/plugin-host/start.ts";
import { PluginProcess } from "../../provider/rpc/plugin-process.ts";

const type = "pgaccess:index:LegacyUrl";
const urn = `urn:pulumi:dev::app::${type}::api`;
let host: Awaited<ReturnType<typeof startPluginHost>>;
const folders: string[] = [];
beforeAll(async () => {
  host = await startPluginHost();
  for (const _ of ["one", "other"]) {
    const folder = await realpath(await mkdtemp(join(tmpdir(), "app-roles-host-")));
    folders.push(folder);
    const script = '#!/bin/sh\necho "postgresql://$OWNER@db/shop?application_name=$PWD"\n';
    await writeFile(join(folder, "env.sh"), script, { mode: 0o755 });
  }
});
afterAll(async () => {
  await host.stop();
  for (const folder of folders) await rm(folder, { recursive: true });
});

/** Starts the plugin as the engine does, in the project's folder. */
const start = (cwd: string, env: NodeJS.ProcessEnv) => {
  const hosted = hostedCommand("pgaccess", ["false"]);
  return PluginProcess.start(["sh", "-c", 'cd "$0" && exec "$@"', cwd, ...hosted], { env });
};

/** What the service's command prints, which is run with a path relative to the project. */
async function legacyUrl(plugin: PluginProcess): Promise<unknown> {
  const inputs = {
    service: "api",
    urlKey: "DATABASE_URL",
    command: { path: "./env.sh", args: [] },
    database: "shop",
    connectAs: "legacy",
    made: "postgresql://postgres:made@db/shop",
    roles: ["shop_app"],
    legacyUsers: ["postgres"],
  };
  await plugin.configure({ host: "127.0.0.1", port: "1", user: "postgres", database: "postgres", sslmode: "disable" });
  const { url } = (await plugin.check(urn, inputs)).inputs;
  return url;
}

test("plugins in one host have the folder, environment and children of their own command, also at the same time", async () => {
  const [one, other] = folders as [string, string];
  const plugins = await Promise.all([start(one, { OWNER: "ada" }), start(other, { OWNER: "bob" })]);
  const urls = await Promise.all([...plugins, ...plugins].map((plugin) => legacyUrl(plugin)));
  const expected = [`ada@db/shop?application_name=${one}`, `bob@db/shop?application_name=${other}`];
  expect(urls).toEqual([...expected, ...expected].map((url) => new Secret(`postgresql://${url}`)));
  await Promise.all(plugins.map((plugin) => plugin.stop()));
});

test("a plugin that no engine started ends with the first SIGTERM", async () => {
  const plugin = await start(folders[0] as string, {});
  process.kill(plugin.pid, "SIGTERM");
  expect(await plugin.exited).toBe(0);
});
