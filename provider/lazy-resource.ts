import type { AnyContract } from "./contract.ts";
import type { Reconciler } from "./reconciler.ts";
import type { ResourceType } from "./rpc/provider.ts";

/** A resource type whose code is loaded on first use. */
interface LazyResource extends ResourceType {
  contract(): Promise<AnyContract>;
}

/**
 * The engine starts the plugin twice for a preview, once only for its configuration, and a stack uses few of the resource types:
 * each type is loaded by its first call.
 */
export function lazyResource<C extends AnyContract>(load: () => Promise<Reconciler<C>>): LazyResource {
  let loading: ReturnType<typeof create> | undefined;
  async function create() {
    const [{ toResource }, reconciler] = await Promise.all([import("./reconciler.ts"), load()]);
    return toResource(reconciler);
  }
  const loaded = () => (loading ??= create());
  return {
    contract: async () => (await loaded()).contract,
    check: async (...args) => (await loaded()).check(...args),
    diff: async (...args) => (await loaded()).diff(...args),
    create: async (...args) => (await loaded()).create(...args),
    update: async (...args) => (await loaded()).update(...args),
    read: async (...args) => (await loaded()).read(...args),
    delete: async (...args) => (await loaded()).delete(...args),
  };
}
