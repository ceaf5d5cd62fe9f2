import { z } from "zod";
import { Unknown } from "./rpc/values.ts";

type Keys<Shape> = keyof Shape & string;

/**
 * What a resource type promises, written once: the package schema, the plugin, the SDK class and the policies all read it.
 *
 * @example
 * export const thingContract = defineContract({
 *   token: "pgaccess:index:Thing",
 *   description: "A thing of the server.",
 *   inputs: { name: z.string().describe("Its name.") },
 *   observed: { size: z.number().describe("Bytes.") },
 * });
 */
export interface Contract<
  Inputs extends z.ZodRawShape = z.ZodRawShape,
  Observed extends z.ZodRawShape = z.ZodRawShape,
  Decided extends z.ZodRawShape = z.ZodRawShape,
> {
  /** `package:module:Name`, Pulumi's name of the type. */
  token: `pgaccess:index:${string}`;
  /** What the resource is, for the package schema. */
  description: string;
  /** What a program declares. */
  inputs: Inputs;
  /** What Check reads from the server; other resources know it once it is saved. */
  observed: Observed;
  /** What Check decides; other resources know it in a preview already. */
  decided: Decided;
  /** Inputs and outputs that are secret in the state and in every output. */
  secrets: (Keys<Inputs> | Keys<Observed> | Keys<Decided>)[];
}

/** A contract of any resource type. */
export type AnyContract = Pick<Contract, "token" | "description" | "inputs" | "observed" | "decided"> & {
  secrets: string[];
};

/** A contract; without observed and decided outputs or secrets where it names none. */
export function defineContract<
  Inputs extends z.ZodRawShape,
  // biome-ignore lint/complexity/noBannedTypes: the shape without a key
  Observed extends z.ZodRawShape = {},
  // biome-ignore lint/complexity/noBannedTypes: the shape without a key
  Decided extends z.ZodRawShape = {},
>(
  contract: Pick<Contract<Inputs, Observed, Decided>, "token" | "description" | "inputs"> &
    Partial<Contract<Inputs, Observed, Decided>>,
): Contract<Inputs, Observed, Decided> {
  return { observed: {} as Observed, decided: {} as Decided, secrets: [], ...contract };
}

/** The inputs as the plugin gets them: checked, with defaults. */
export type InputsOf<C extends Pick<Contract, "inputs">> = z.infer<z.ZodObject<C["inputs"]>>;

/** Accepts a value that is not known yet, as previews have them. */
export function orUnknown<T extends z.ZodType>(schema: T): z.ZodUnion<[T, z.ZodType<Unknown, Unknown>]> {
  return z.union([schema, z.instanceof(Unknown) as unknown as z.ZodType<Unknown, Unknown>]);
}
