import { z } from "zod";
import { Unknown } from "./rpc/values.ts";

type Keys<Shape> = keyof Shape & string;

/**
 * The contract of a resource type, from which the package schema, the plugin, the SDK class and the policies are derived.
 *
 * @example
 * export const tableContract = defineContract({
 *   token: "pgaccess:index:Table",
 *   description: "A table of the server.",
 *   inputs: { name: z.string().describe("Name of the table.") },
 *   observed: { size: z.number().describe("Size of the table in bytes.") },
 * });
 */
export interface Contract<
  Inputs extends z.ZodRawShape = z.ZodRawShape,
  Observed extends z.ZodRawShape = z.ZodRawShape,
  Decided extends z.ZodRawShape = z.ZodRawShape,
> {
  /** `package:module:Name`: the name of the type in Pulumi. */
  token: `pgaccess:index:${string}`;
  /** Description of the resource in the package schema. */
  description: string;
  /** Inputs that a program declares. */
  inputs: Inputs;
  /** Outputs that Check reads from the server; other resources know them only after the up. */
  observed: Observed;
  /** Outputs that Check decides; other resources know them in a preview already. */
  decided: Decided;
  /** Inputs and outputs that are encrypted in the state and hidden in every output. */
  secrets: (Keys<Inputs> | Keys<Observed> | Keys<Decided>)[];
  /**
   * Observed outputs that programs and the state have as JSON text: the engine, the SDK and the plugin handle each value of a map
   * on its own, and half of a preview's values were baselines. A map in an older state stays until its value changes.
   */
  texts: Keys<Observed>[];
}

/** A contract of any resource type. */
export type AnyContract = Pick<Contract, "token" | "description" | "inputs" | "observed" | "decided"> & {
  secrets: string[];
  texts: string[];
};

/** Creates a contract. `observed`, `decided`, `secrets` and `texts` are empty by default. */
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
  return { observed: {} as Observed, decided: {} as Decided, secrets: [], texts: [], ...contract };
}

/** The inputs as the plugin receives them: validated, with defaults. */
export type InputsOf<C extends Pick<Contract, "inputs">> = z.infer<z.ZodObject<C["inputs"]>>;

/** Also accepts a value that is not known yet, as in previews. */
export function orUnknown<T extends z.ZodType>(schema: T): z.ZodUnion<[T, z.ZodType<Unknown, Unknown>]> {
  return z.union([schema, z.instanceof(Unknown) as unknown as z.ZodType<Unknown, Unknown>]);
}

/** Also accepts the value as JSON text, as another resource's `texts` have it. */
export function orText<T extends z.ZodType>(schema: T): z.ZodType<z.output<T>, z.input<T> | string> {
  const parsed = z.preprocess((value) => (typeof value === "string" ? JSON.parse(value) : value), schema);
  return parsed as unknown as z.ZodType<z.output<T>, z.input<T> | string>;
}
