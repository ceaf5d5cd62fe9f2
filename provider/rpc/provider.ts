import type { PropertyMap } from "./values.ts";

/** Messages of a resource, which the engine prints under that resource. */
export interface Report {
  /** A line that stays in the summary of the preview or up. */
  info(message: string): void;
  /** A warning that stays in the summary. */
  warn(message: string): void;
  /** Progress: replaced by the next one and not kept. */
  progress(message: string): void;
}

/** The context of a call on a resource. */
export interface Call {
  urn: string;
  /** The resource's name in the program: the last part of the urn. */
  name: string;
  report: Report;
  /** Aborted when the user cancels (Ctrl-C) or when the engine is gone. */
  signal: AbortSignal;
}

/** A reason to refuse the resource, with its input, before anything is changed. */
export interface CheckFailure {
  /** Path of the input, such as `entries[3].limit`; empty for the resource as a whole. */
  property: string;
  reason: string;
}

/** The difference at one path; never a replace kind, which the engine prints incorrectly for inputs of Check. */
export interface PropertyDiff {
  kind: "add" | "delete" | "update";
  /** Whether the old value is in the old inputs rather than in the old outputs. */
  inputDiff: boolean;
}

export interface DiffResult {
  changes: boolean;
  /** Inputs whose change needs a new resource. */
  replaces?: string[];
  deleteBeforeReplace?: boolean;
  /** Path (`changes["tickets.t9"]`) to its difference. If set, the engine prints nothing else. */
  detailed?: Record<string, PropertyDiff>;
}

/** A resource type. Values have `Secret` and `Unknown` marks in both directions. */
export interface ResourceType {
  /** Validates and completes the inputs; changes nothing. `olds` are the previous inputs, absent on create. */
  check(
    call: Call,
    args: { olds?: PropertyMap; news: PropertyMap; randomSeed: Uint8Array },
  ): Promise<{
    inputs: PropertyMap;
    failures?: CheckFailure[];
  }>;
  /** `olds` are the outputs in the state, `oldInputs` the inputs in it. */
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
  /** Undefined: the resource no longer exists and is removed from the state. An import has empty `inputs` and `olds`. */
  read(
    call: Call,
    args: { id: string; inputs: PropertyMap; olds: PropertyMap },
  ): Promise<{ id: string; inputs: PropertyMap; outputs: PropertyMap } | undefined>;
  delete(call: Call, args: { id: string; olds: PropertyMap; oldInputs: PropertyMap; timeout: number }): Promise<void>;
}

/** A function that programs can call (`pulumi.runtime.invoke`). Returns a result or failures, never both. */
export type ProviderFunction = (
  args: PropertyMap,
  context: { preview: boolean; signal: AbortSignal },
) => Promise<{ result: PropertyMap } | { failures: CheckFailure[] }>;

/** A resource plugin, which `serve` runs. */
export interface Provider {
  name: string;
  version: string;
  /** The Pulumi package schema, as GetSchema returns it. */
  schema(): Promise<object>;
  /** Refuses invalid provider configuration. Values can be `Unknown`; secrets have no mark. */
  checkConfig(news: PropertyMap): Promise<{ inputs: PropertyMap; failures?: CheckFailure[] }>;
  /**
   * Called once before any resource call. All values are known: otherwise the engine makes no call on the provider's resources.
   * Values have the form in which the program's SDK sends them, often JSON in strings.
   *
   * @param variables the same for older plugins: strings without secret marks
   */
  configure(config: PropertyMap, variables: Record<string, string>): Promise<void>;
  /** By type token, such as `pgaccess:index:Baseline`. */
  resources: Record<string, ResourceType>;
  /** By token, such as `pgaccess:index:dropLeftoverRole`. */
  functions?: Record<string, ProviderFunction>;
  /** Closes connections; called on Cancel and before the process exits. */
  close(): Promise<void>;
}

/**
 * Thrown by create or update after a partial success: the engine keeps `outputs` in the state and marks the resource as not ready,
 * and the next up updates it (Pulumi: ErrorResourceInitFailed).
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
