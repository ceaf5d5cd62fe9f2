import { homedir } from "node:os";
import { SandboxDocker } from "../../docker/api.ts";

/** Where Docker Desktop listens when it was installed without an administrator. */
const ofTheUser = [".docker/run/docker.sock", ".docker/desktop/docker.sock"];

/**
 * Finds the daemon as the official plugin does, in Configure: it takes `host` from the flat configuration only, else from
 * DOCKER_HOST, else this machine's socket or the user's own. The daemon must answer, unless it is reached by ssh.
 */
export async function findDaemon(variables: Record<string, string>, env = process.env): Promise<SandboxDocker> {
  const given = variables.host ?? (env.DOCKER_HOST || undefined);
  const hosts = given === undefined ? [undefined, ...ofTheUser.map((path) => `unix://${homedir()}/${path}`)] : [given];
  for (const host of hosts) {
    const docker = new SandboxDocker(host);
    if (host?.startsWith("ssh://") || (await answers(docker))) return docker;
  }
  throw new Error(
    "docker native provider returned an unexpected error from Configure: failed to connect to any docker daemon",
  );
}

async function answers(docker: SandboxDocker): Promise<boolean> {
  return docker.ping().then(
    () => true,
    () => false,
  );
}
