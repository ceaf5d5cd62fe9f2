import { type DockerDaemon, freeSubnet } from "./daemon.ts";

/** A daemon as a swarm of one node, with a network for services. */
export interface Swarm {
  /** The network's name; the services in it reach this machine at the daemon's `gateway`. */
  network: string;
  /** The network's addresses, as `pg_hba.conf` takes them. */
  subnet: string;
  /** Removes all services and dissolves the swarm; before the daemon's own `stop`. */
  leave(): Promise<void>;
}

const network = "app-roles-swarm";

/**
 * Makes a daemon a swarm. The network is a bridge, of which services take one that stands in a configuration: an overlay would
 * need firewall rules, which a private daemon leaves alone.
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
