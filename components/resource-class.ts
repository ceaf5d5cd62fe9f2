import * as pulumi from "@pulumi/pulumi";
import type { z } from "zod";
import type { AnyContract } from "../provider/contract.ts";
import type { Unknown } from "../provider/rpc/values.ts";

type Plain = string | number | boolean | null | undefined;

/** A value that may contain outputs at any depth. */
type Argument<T> = pulumi.Input<Inner<T>>;
type Inner<T> = T extends Unknown ? never : T extends Plain ? T : { [K in keyof T]: Argument<T[K]> };

/** The arguments of a resource. */
export type ArgsOf<C extends Pick<AnyContract, "inputs">> = {
  [K in keyof z.input<z.ZodObject<C["inputs"]>>]: Argument<z.input<z.ZodObject<C["inputs"]>>[K]>;
};

type Known<T> = T extends Unknown ? never : T;

/** The outputs of a resource, including its inputs. */
type OutputsOf<C extends AnyContract> = {
  readonly [K in keyof C["inputs"]]: pulumi.Output<Known<z.output<C["inputs"][K]>>>;
} & { readonly [K in keyof C["observed"]]: pulumi.Output<z.output<C["observed"][K]>> } & {
  readonly [K in keyof C["decided"]]: pulumi.Output<z.output<C["decided"][K]>>;
};

type ResourceClass<C extends AnyContract> = new (
  name: string,
  args: ArgsOf<C>,
  opts?: pulumi.CustomResourceOptions,
) => pulumi.CustomResource & OutputsOf<C>;

/** The SDK class of a resource type, derived from its contract. */
export function resourceClass<C extends AnyContract>(contract: C): ResourceClass<C> {
  const { inputs, observed, decided, secrets } = contract;
  const outputs = Object.keys({ ...inputs, ...observed, ...decided });
  class ContractedResource extends pulumi.CustomResource {
    constructor(name: string, args: ArgsOf<C>, opts?: pulumi.CustomResourceOptions) {
      const properties = { ...Object.fromEntries(outputs.map((key) => [key, undefined])), ...args };
      super(contract.token, name, properties, {
        ...opts,
        ...(secrets.length > 0 && { additionalSecretOutputs: secrets }),
      });
    }
  }
  return ContractedResource as unknown as ResourceClass<C>;
}
