import { z } from "zod";
import { ContainerPlace } from "../container-name/place.ts";
import type { ProviderFunction } from "../rpc/provider.ts";
import { bringContainerBackContract } from "./contracts.ts";

const schema = z.strictObject(bringContainerBackContract.inputs);

/**
 * Called when a service's container could not be created or started. When somebody else's was put aside for it in this very
 * run, that one is given its name again and started, so that the service is not down until somebody has mended it.
 *
 * @param putAside the services of which one was
 */
export function bringContainerBack(putAside: Set<string>): ProviderFunction {
  return async (args) => {
    const { dockerHost, ...subject } = schema.parse(args);
    if (!putAside.has(subject.service)) return { result: { broughtBack: false } };
    const broughtBack = await new ContainerPlace(dockerHost, subject).bringBackInsteadOfOurs();
    putAside.delete(subject.service);
    return { result: { broughtBack } };
  };
}
