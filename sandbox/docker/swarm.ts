import { type DockerDaemon, freeSubnet } from "./daemon.ts";

/** A swarm of one node, with a network for services. */
export interface Swarm {
  /** The network's name. Its services reach this machine at the daemon's `gateway`. */
  network: string;
  /** The network's addresses in CIDR notation, for `pg_hba.conf`. */
  subnet: string;
  /** Removes all services and leaves the swarm. Call it before the daemon's `stop`. */
  leave(): Promise<void>;
}

const network = "app-roles-swarm";

/**
 * Makes a daemon a swarm. Its network is a bridge with a configuration network, since an overlay network would need
 * firewall rules.
 */
export async function startSwarm({ docker }: DockerDaemon): Promise<Swarm> {
  await docker.ask("POST", "/swarm/init", {}, { ListenAddr: "127.0.0.1:0", AdvertiseAddr: "127.0.0.1" });
  const address = freeSubnet();
  const configuration = `${network}-configuration`;
  const addresses = { Name: configuration, ConfigOnly: true, IPAM: { Config: [address] } };
  await docker.createNetwork(addresses);
  const scoped = { Name: network, Driver: "bridge", Scope: "swarm", ConfigFrom: { Network: configuration } };
  await docker.createNetwork(scoped);
  return {
    network,
    subnet: address.Subnet,
    async leave() {
      for (const { ID } of await docker.listServices()) await docker.getService(ID).remove();
      await docker.ask("POST", "/swarm/leave", { force: true });
    },
  };
}
