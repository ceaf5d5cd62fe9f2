import { startDocker, whyNoDocker } from "../../../sandbox/docker/daemon.ts";
import { makeImage } from "../../../sandbox/docker/image.ts";
import { run } from "../../../sandbox/process.ts";

/** A private dockerd with the images `sleeper:1` and `sleeper:2`, which contain /bin/sleep. */
export interface Dockerd {
  /** As DOCKER_HOST. */
  host: string;
  stop(): Promise<void>;
}

/** The reason that this machine cannot start dockerd or lacks the docker CLI; undefined if it has both. */
export async function noDockerd(): Promise<string | undefined> {
  const { code } = await run("docker", ["--version"]).catch(() => ({ code: 1 }));
  return (await whyNoDocker()) ?? (code === 0 ? undefined : "docker is not on the PATH");
}

export async function startDockerd(): Promise<Dockerd> {
  const daemon = await startDocker();
  if (typeof daemon === "string") throw new Error(daemon);
  const sleep = { from: "/bin/sleep", to: "/bin/sleep" };
  for (const tag of ["1", "2"]) await makeImage(daemon.host, `sleeper:${tag}`, sleep, `LABEL tag=${tag}`);
  return daemon;
}
