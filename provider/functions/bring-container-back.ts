import { z } from "zod";
import { ContainerPlace } from "../container-name/place.ts";
import type { ProviderFunction } from "../rpc/provider.ts";
import { bringContainerBackContract } from "./contracts.ts";

const schema = z.strictObject(bringContainerBackContract.inputs);

/**
 * Called when a service's container could not be created or started. Restores and starts the previous container if this up set it
 * aside, so that the service is not down until the problem is fixed.
 *
 * @param setAside services whose previous container was set aside in this up
 */
export function bringContainerBack(setAside: Set<string>): ProviderFunction {
  return async (args) => {
    const { dockerHost, ...subject } = schema.parse(args);
    if (!setAside.has(subject.service)) return { result: { broughtBack: false } };
    const broughtBack = await new ContainerPlace(dockerHost, subject).bringBackInsteadOfOurs();
    setAside.delete(subject.service);
    return { result: { broughtBack } };
  };
}
