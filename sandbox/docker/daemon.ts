import { randomInt } from "node:crypto";
import { mkdtemp } from "node:fs/promises";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { guard } from "../guard.ts";
import { run } from "../process.ts";
import { SandboxDocker } from "./api.ts";

/** A private Docker daemon with one network, from which containers can reach this machine only. */
export interface DockerDaemon {
  /** In the form of DOCKER_HOST. */
  host: string;
  docker: SandboxDocker;
  network: string;
  /** This machine's address on the network. */
  gateway: string;
  /** The network's addresses in CIDR notation, for `pg_hba.conf`. */
  subnet: string;
  /** Removes all containers, then the daemon. This also happens when this process ends for any reason, including kill -9. */
  stop(): Promise<void>;
}

const network = "app-roles";
const script = fileURLToPath(new URL("dockerd.sh", import.meta.url));

/** The reason that this machine cannot start a Docker daemon; undefined if it can. */
export async function whyNoDocker(): Promise<string | undefined> {
  if (process.platform !== "linux") return "a private Docker daemon needs Linux";
  if (process.getuid?.() !== 0) return "a private Docker daemon needs root";
  for (const [program, debianPackage] of Object.entries({ dockerd: "docker.io", pgrep: "procps" })) {
    const { code } = await run(program, ["--version"]).catch(() => ({ code: 1 }));
    if (code !== 0) return `${program} is not on the PATH (Debian: apt-get install ${debianPackage})`;
  }
  return undefined;
}

/** A random subnet without an address of this machine. dockerd itself might choose the subnet of another daemon. */
export function freeSubnet(): { Subnet: string; Gateway: string } {
  const taken = Object.values(networkInterfaces()).flatMap((addresses = []) => addresses.map(({ address }) => address));
  for (;;) {
    const prefix = `10.${randomInt(128, 255)}.${randomInt(0, 255)}`;
    if (taken.some((address) => address.startsWith(`${prefix}.`))) continue;
    return { Subnet: `${prefix}.0/24`, Gateway: `${prefix}.1` };
  }
}

/** Starts a daemon, or returns the reason that this machine cannot start one. */
export async function startDocker(): Promise<DockerDaemon | string> {
  const why = await whyNoDocker();
  if (why) return why;
  const directory = await mkdtemp(join(tmpdir(), "app-roles-docker-"));
  const socketPath = join(directory, "docker.sock");
  const places = { "data-root": "data", "exec-root": "exec", pidfile: "pid" };
  const options = Object.entries(places).map(([name, place]) => `--${name}=${join(directory, place)}`);
  // Another daemon of this machine may own the default bridge and the firewall rules.
  options.push("--bridge=none", "--iptables=false", "--ip6tables=false", `--host=unix://${socketPath}`);
  // The shell of guard.sh ignores SIGINT for its command, and a shell cannot trap a signal that is ignored when it starts.
  const guarded = guard(directory, ["env", "--default-signal=INT", script, directory, ...options]);
  const docker = new SandboxDocker(`unix://${socketPath}`);
  while (!(await docker.ping().catch(() => undefined))) {
    const code = await Promise.race([guarded.ended, sleep(100)]);
    if (code !== undefined) return `dockerd exited with code ${code}: this machine cannot run it`;
  }
  const address = freeSubnet();
  await docker.createNetwork({ Name: network, Driver: "bridge", IPAM: { Config: [address] } });
  return {
    host: `unix://${socketPath}`,
    docker,
    network,
    gateway: address.Gateway,
    subnet: address.Subnet,
    async stop() {
      try {
        const containers = await docker.listContainers({ all: true });
        await Promise.all(containers.map(({ Id }) => docker.getContainer(Id).remove({ force: true, v: true })));
        await docker.ask("DELETE", `/networks/${network}`);
      } finally {
        await guarded.end();
      }
    },
  };
}
