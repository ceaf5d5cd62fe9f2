import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { guard } from "../../../sandbox/guard.ts";

const execute = promisify(execFile);

/** A private dockerd without any network, with the images `sleeper:1` and `sleeper:2` that run /bin/sleep. */
export interface Dockerd {
  /** As DOCKER_HOST. */
  host: string;
  stop(): Promise<void>;
}

/** Why no dockerd can be started here; undefined when one can. */
export async function noDockerd(): Promise<string | undefined> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "needs Linux and root";
  for (const command of ["dockerd", "docker"]) {
    const isThere = await execute("which", [command]).catch(() => undefined);
    if (!isThere) return `there is no ${command} on the PATH`;
  }
  return undefined;
}

export async function startDockerd(): Promise<Dockerd> {
  const folder = await mkdtemp(join(tmpdir(), "app-roles-dockerd-"));
  const host = `unix://${folder}/docker.sock`;
  const options = { "data-root": "data", "exec-root": "exec", pidfile: "pid" };
  const places = Object.entries(options).map(([name, place]) => `--${name}=${join(folder, place)}`);
  const guarded = guard(folder, ["dockerd", `--host=${host}`, ...places, "--bridge=none", "--iptables=false"]);
  const isUp = () =>
    execute("docker", ["--host", host, "info"]).then(
      () => true,
      () => false,
    );
  while (!(await isUp())) {
    const code = await Promise.race([guarded.ended, sleep(200)]);
    if (code !== undefined) throw new Error(`dockerd ended with exit code ${code}`);
  }
  for (const tag of ["1", "2"]) await makeImage(host, folder, tag);
  return { host, stop: () => guarded.end() };
}

async function makeImage(host: string, folder: string, tag: string): Promise<void> {
  const root = join(folder, "image");
  const { stdout } = await execute("ldd", ["/bin/sleep"]);
  for (const path of ["/bin/sleep", ...(stdout.match(/\/\S+/g) ?? [])]) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await cp(path, join(root, path), { dereference: true });
  }
  const archive = join(folder, "image.tar");
  await execute("tar", ["--create", "--file", archive, "--directory", root, "."]);
  await execute("docker", ["--host", host, "import", "--change", `LABEL tag=${tag}`, archive, `sleeper:${tag}`]);
}
