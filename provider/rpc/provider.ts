import type { PropertyMap } from "./values.ts";

/** Where a message of a resource goes: the engine prints it under that resource. */
export interface Report {
  /** A line that stays in the summary of the preview or up. */
  info(message: string): void;
  /** A warning that stays in the summary. */
  warn(message: string): void;
  /** Progress: replaced by the next one and not kept. */
  progress(message: string): void;
}

/** What every call on a resource is told. */
export interface Call {
  urn: string;
  /** The resource's name in the program: the last part of the urn. */
  name: string;
  report: Report;
  /** Aborted when the user cancels (Ctrl-C) or when the engine is gone. */
  signal: AbortSignal;
}

/** A reason, tied to an input, for which the resource is refused before anything is done. */
export interface CheckFailure {
  /** Path of the input, such as `entries[3].limit`; empty for the resource as a whole. */
  property: string;
  reason: string;
}

/** How one path differs; never a replace kind, which the engine prints wrongly for inputs made by Check. */
export interface PropertyDiff {
  kind: "add" | "delete" | "update";
  /** True when the old value stands in the old inputs rather than in the old outputs. */
  inputDiff: boolean;
}

export interface DiffResult {
  changes: boolean;
  /** Inputs whose change needs a new resource. */
  replaces?: string[];
  deleteBeforeReplace?: boolean;
  /** Path (`changes["tickets.t9"]`) to how it differs; given, it is all that the engine prints. */
  detailed?: Record<string, PropertyDiff>;
}

/** One resource type. Values arrive with their `Secret` and `Unknown` marks and go back with them. */
export interface ResourceType {
  /** Validates and completes the inputs. `olds` are the previous inputs, absent on create. Not told whether this is a preview: it must change nothing. */
  check(
    call: Call,
    args: { olds?: PropertyMap; news: PropertyMap; randomSeed: Uint8Array },
  ): Promise<{
    inputs: PropertyMap;
    failures?: CheckFailure[];
  }>;
  /** `olds` are the outputs in the state, `oldInputs` the inputs there. */
  diff(
    call: Call,
    args: { id: string; olds: PropertyMap; oldInputs: PropertyMap; news: PropertyMap; ignoreChanges: string[] },
  ): Promise<DiffResult>;
  /** In a preview the id is ignored and outputs may be `Unknown`. */
  create(
    call: Call,
    args: { inputs: PropertyMap; preview: boolean; timeout: number },
  ): Promise<{
    id: string;
    outputs: PropertyMap;
  }>;
  update(
    call: Call,
    args: {
      id: string;
      olds: PropertyMap;
      oldInputs: PropertyMap;
      news: PropertyMap;
      preview: boolean;
      timeout: number;
    },
  ): Promise<{ outputs: PropertyMap }>;
  /** Undefined: it is gone, and leaves the state. An import has empty `inputs` and `olds`. */
  read(
    call: Call,
    args: { id: string; inputs: PropertyMap; olds: PropertyMap },
  ): Promise<{ id: string; inputs: PropertyMap; outputs: PropertyMap } | undefined>;
  delete(call: Call, args: { id: string; olds: PropertyMap; oldInputs: PropertyMap; timeout: number }): Promise<void>;
}

/** A function a program may call (`pulumi.runtime.invoke`); failures are returned, never half an answer. */
export type ProviderFunction = (
  args: PropertyMap,
  context: { preview: boolean; signal: AbortSignal },
) => Promise<{ result: PropertyMap } | { failures: CheckFailure[] }>;

/** All that makes a resource plugin; `serve` puts it on the wire. */
export interface Provider {
  name: string;
  version: string;
  /** The Pulumi package schema, as GetSchema returns it. */
  schema: object;
  /** Refuses bad provider configuration before anything uses it. Values may be `Unknown`; secrets come without their mark. */
  checkConfig(news: PropertyMap): Promise<{ inputs: PropertyMap; failures?: CheckFailure[] }>;
  /**
   * Called once before any resource call. All of it is known: in a preview in which some is not, the engine makes no
   * call on the provider's resources. Values are as the program's SDK sends them, often JSON in texts.
   *
   * @param variables the same as the engine sends them to older plugins: texts without secret marks
   */
  configure(config: PropertyMap, variables: Record<string, string>): Promise<void>;
  /** By type token, such as `pgaccess:index:Baseline`. */
  resources: Record<string, ResourceType>;
  /** By token, such as `pgaccess:index:dropLeftoverRole`. */
  functions?: Record<string, ProviderFunction>;
  /** Gives up connections; called on Cancel and before the process exits. */
  close(): Promise<void>;
}

/**
 * Thrown by create or update when part was done: the engine keeps `outputs` in the state, marks the resource as not
 * ready and the next up updates it (Pulumi: ErrorResourceInitFailed).
 */
export class PartialFailure extends Error {
  readonly id: string;
  readonly outputs: PropertyMap;
  readonly inputs: PropertyMap | undefined;
  readonly reasons: string[];
  constructor(partial: { id: string; outputs: PropertyMap; inputs?: PropertyMap; reasons: string[] }) {
    super(partial.reasons.join("; "));
    this.id = partial.id;
    this.outputs = partial.outputs;
    this.inputs = partial.inputs;
    this.reasons = partial.reasons;
  }
}
