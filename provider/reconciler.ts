import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import type { AnyContract, InputsOf } from "./contract.ts";
import { lookingAgain } from "./postgres/gone.ts";
import {
  type Call,
  type CheckFailure,
  type DiffResult,
  PartialFailure,
  type PropertyDiff,
  type ResourceType,
} from "./rpc/provider.ts";
import { type PropertyMap, type PropertyValue, reveal, Secret, Unknown, unknown } from "./rpc/values.ts";

/** Object to what will change about it, with real values; empty when all is in place. */
export type Changes = Record<string, string>;

/** What Check found out. */
export interface Plan {
  changes: Changes;
  /** Facts kept among the inputs: the contract's observed and decided outputs. */
  observed?: PropertyMap;
  /** Reasons to refuse the resource. */
  failures?: CheckFailure[];
  warnings?: string[];
}

/**
 * A resource whose truth is the catalog: Check reads it and adds the plan to the inputs as `changes`, so that a plain
 * preview sees drift and prints real values; create and update make the plan anew and carry it out.
 */
export interface Reconciler<C extends AnyContract> {
  contract: C;
  /** Inputs that make it another resource. */
  identity: (keyof C["inputs"] & string)[];
  /** Inputs, observed ones too, that say nothing to whoever reads a preview. */
  hidden?: string[];
  /** Inputs that only say what to warn of: another value is no change. */
  advisory?: (keyof C["inputs"] & string)[];
  /** Inputs that stay as they were first given: what was there before, once it is known. */
  kept?: (keyof C["inputs"] & string)[];
  id(inputs: InputsOf<C>): string;
  /** Reads the catalog; changes nothing and takes no lock beyond a SELECT's. `before` holds the previous `observed` and `decided`; the engine's calls come with `call`. */
  plan(inputs: InputsOf<C>, olds: InputsOf<C> | undefined, before: PropertyMap, call?: Call): Promise<Plan>;
  /** The summary's line for what a preview found. */
  summarize(inputs: InputsOf<C>, changes: Changes): string | undefined;
  /** Carries the plan out; idempotent. Returns the summary's line. */
  apply(inputs: InputsOf<C>, olds: InputsOf<C> | undefined, call: Call): Promise<string | undefined>;
  /**
   * How what is live differs from what the state says, for a refresh: as `plan`, but without judging anything. Default:
   * a refresh finds no drift of this resource.
   */
  drift?(inputs: InputsOf<C>): Promise<Changes>;
  /** Looks, on refresh, whether the server can be reached at all; throws when it cannot. */
  reach?(): Promise<void>;
  /** Puts back what was there before; idempotent. */
  remove(inputs: InputsOf<C>, call: Call): Promise<void>;
}

/** Thrown by `apply` when part was done: the state keeps the resource, marked as not ready, and the next up goes on. */
export class Incomplete extends Error {}

/** A resource type as the plugin serves it, with the contract it keeps. */
export interface ContractedResource extends ResourceType {
  contract: AnyContract;
}

export function toResource<C extends AnyContract>(reconciler: Reconciler<C>): ContractedResource {
  type Inputs = InputsOf<C>;
  const { contract } = reconciler;
  const schema = z.strictObject(contract.inputs);
  const observed = Object.keys(contract.observed);
  const found = [...observed, ...Object.keys(contract.decided)];
  const made = new Set([...found, "changes"]);
  const declared = (map: PropertyMap): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(map)
        .filter(([key, value]) => value !== null && !made.has(key))
        .map(([key, value]) => [key, reveal(value)]),
    );
  const parse = (map: PropertyMap): Inputs => schema.parse(declared(map)) as Inputs;
  // Inputs an older version wrote may not fit any more; then there is nothing to compare with.
  const previous = (map: PropertyMap | undefined): Inputs | undefined =>
    map && Object.keys(map).length > 0 ? (schema.safeParse(declared(map)).data as Inputs | undefined) : undefined;

  const keptFrom = (olds: PropertyMap | undefined): PropertyMap => {
    const known = (reconciler.kept ?? []).map((key): [string, PropertyValue] => [key, olds?.[key] ?? null]);
    return Object.fromEntries(known.filter(([, value]) => value !== null && !(value instanceof Unknown)));
  };

  // A refresh calls Read and then Diff with the inputs in the state, whose plan has been carried out long since; what
  // Read found is in the outputs.
  const readUnchecked = new Set<string>();

  return {
    contract,

    async check(call, { olds, news: given }) {
      readUnchecked.delete(call.urn);
      const news = { ...given, ...keptFrom(olds) };
      const parsed = schema.safeParse(declared(news));
      if (!parsed.success) return { inputs: news, failures: parsed.error.issues.map(toFailure) };
      const before = Object.fromEntries(Object.entries(olds ?? {}).filter(([key]) => found.includes(key)));
      const plan = await lookingAgain(() => reconciler.plan(parsed.data as Inputs, previous(olds), before, call));
      for (const warning of plan.warnings ?? []) call.report.warn(warning);
      const inputs: PropertyMap = { ...news, ...plan.observed, changes: plan.changes };
      return { inputs, ...(plan.failures && { failures: plan.failures }) };
    },

    async diff({ urn }, { oldInputs, olds, news }) {
      if (readUnchecked.has(urn)) {
        // The engine turns a refresh's diff round: what is deleted here is printed as added by the server.
        return difference(oldInputs, news, { changes: changesOf(olds), kind: "delete" }, reconciler);
      }
      return difference(oldInputs, news, { changes: changesOf(news), kind: "add" }, reconciler);
    },

    async create(call, { inputs, preview }) {
      const parsed = parse(inputs);
      const result = { id: reconciler.id(parsed), outputs: { ...inputs, changes: {} } };
      if (preview) {
        say(call, reconciler.summarize(parsed, changesOf(inputs)));
        // Others would print it among their own inputs; it only counts once it is saved.
        return {
          ...result,
          outputs: { ...result.outputs, ...Object.fromEntries(observed.map((key) => [key, unknown])) },
        };
      }
      await keepingPart(result, async () => say(call, await reconciler.apply(parsed, undefined, call)));
      return result;
    },

    async update(call, { id, oldInputs, news, preview }) {
      const parsed = parse(news);
      const result = { id, outputs: { ...news, changes: {} } };
      if (preview) say(call, reconciler.summarize(parsed, changesOf(news)));
      else await keepingPart(result, async () => say(call, await reconciler.apply(parsed, previous(oldInputs), call)));
      return result;
    },

    async read({ urn }, { id, inputs, olds }) {
      if (Object.keys(inputs).length === 0) {
        throw new Error(`${id} cannot be imported: declare it, and the first up finds what is there`);
      }
      await reconciler.reach?.();
      const known = previous(inputs);
      const drift = known && reconciler.drift && (await lookingAgain(async () => reconciler.drift?.(known)));
      readUnchecked.add(urn);
      // The inputs stay what was declared. So a refresh that is accepted hides nothing: the next Check plans anew.
      return { id, inputs, outputs: drift ? { ...olds, changes: drift } : olds };
    },

    async delete(call, { oldInputs, olds }) {
      // An engine that does not send the old inputs sends the outputs, which hold the same.
      await reconciler.remove(parse(Object.keys(oldInputs).length > 0 ? oldInputs : olds), call);
    },
  };
}

/** Declared inputs that differ, and everything the plan names. */
function difference(
  oldInputs: PropertyMap,
  news: PropertyMap,
  plan: { changes: Changes; kind: PropertyDiff["kind"] },
  { identity, hidden = [], advisory = [] }: { identity: string[]; hidden?: string[]; advisory?: string[] },
): DiffResult {
  const detailed: Record<string, PropertyDiff> = {};
  const changed = Object.keys({ ...oldInputs, ...news }).filter(
    (key) =>
      key !== "changes" &&
      !advisory.includes(key) &&
      !isDeepStrictEqual(reveal(oldInputs[key] ?? null), reveal(news[key] ?? null)),
  );
  for (const key of changed) {
    if (!hidden.includes(key)) addLeaves(detailed, key, oldInputs[key], news[key]);
  }
  const planned = Object.keys(plan.changes);
  for (const key of planned) detailed[child("changes", key)] = { kind: plan.kind, inputDiff: false };
  const replaces = changed.filter((key) => identity.includes(key));
  return { changes: changed.length + planned.length > 0, replaces, detailed, deleteBeforeReplace: replaces.length > 0 };
}

/** The paths at which two values differ, so that a long map prints its changed entries alone. */
function addLeaves(
  detailed: Record<string, PropertyDiff>,
  path: string,
  before: PropertyValue | undefined,
  after: PropertyValue | undefined,
): void {
  if (isMap(before) && isMap(after)) {
    for (const key of Object.keys({ ...before, ...after })) {
      if (!isDeepStrictEqual(before[key], after[key])) addLeaves(detailed, child(path, key), before[key], after[key]);
    }
    return;
  }
  if (isListOfNames(before) && isListOfNames(after) && !isDeepStrictEqual(before.toSorted(), after.toSorted())) {
    addNames(detailed, path, before, after);
    return;
  }
  const kind = before === undefined ? "add" : after === undefined ? "delete" : "update";
  detailed[path] = { kind, inputDiff: true };
}

/** A list of names by its names: compared by position, one that comes in the middle reads as a change of all behind it. */
function addNames(detailed: Record<string, PropertyDiff>, path: string, before: string[], after: string[]): void {
  const at = (index: number, kind: PropertyDiff["kind"]) => {
    const here = `${path}[${index}]`;
    // One leaves and another comes in its place.
    detailed[here] = { kind: detailed[here] ? "update" : kind, inputDiff: true };
  };
  for (const [index, name] of before.entries()) if (!after.includes(name)) at(index, "delete");
  for (const [index, name] of after.entries()) if (!before.includes(name)) at(index, "add");
}

function isListOfNames(value: PropertyValue | undefined): value is string[] {
  return (
    Array.isArray(value) &&
    value.every((each) => typeof each === "string") &&
    new Set(value as string[]).size === value.length
  );
}

function isMap(value: PropertyValue | undefined): value is PropertyMap {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Secret) &&
    !(value instanceof Unknown)
  );
}

/** Pulumi's property path: a plain name after a dot, any other quoted in brackets, where only quotes are escaped. */
export function child(path: string, key: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(key) ? `${path}.${key}` : `${path}["${key.replaceAll('"', '\\"')}"]`;
}

function changesOf(map: PropertyMap): Changes {
  return (map.changes ?? {}) as Changes;
}

function say(call: Call, line: string | undefined): void {
  if (line !== undefined) call.report.info(line);
}

async function keepingPart(made: { id: string; outputs: PropertyMap }, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof Incomplete) throw new PartialFailure({ ...made, reasons: [error.message] });
    throw error;
  }
}

function toFailure(issue: z.core.$ZodIssue): CheckFailure {
  const property = issue.path
    .map((part, index) => (typeof part === "number" ? `[${part}]` : index === 0 ? String(part) : `.${String(part)}`))
    .join("");
  return { property, reason: issue.message };
}
