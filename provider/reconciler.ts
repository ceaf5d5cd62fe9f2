import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import type { AnyContract, InputsOf } from "./contract.ts";
import { readingAgain } from "./postgres/gone.ts";
import { isReviewedUp, refuseUnreviewed, unreviewed } from "./reviewed.ts";
import {
  type Call,
  type CheckFailure,
  type DiffResult,
  PartialFailure,
  type PropertyDiff,
  type ResourceType,
} from "./rpc/provider.ts";
import { type PropertyMap, type PropertyValue, reveal, Secret, Unknown, unknown } from "./rpc/values.ts";
import { warnedOf } from "./warned.ts";

/** Map of each object to its change, with real values; empty when nothing has to change. */
export type Changes = Record<string, string>;

/** Properties that Check adds to the inputs: the plan, and the digests of the warnings, which are no change. */
const records = ["changes", "warned"];

/** The result of Check. */
export interface Plan {
  changes: Changes;
  /** Facts stored among the inputs: the contract's observed and decided outputs. */
  observed?: PropertyMap;
  /** Reasons to refuse the resource. */
  failures?: CheckFailure[];
  warnings?: string[];
}

/**
 * A resource that is compared with the catalog: Check reads the catalog and adds the plan to the inputs as `changes`, so that a
 * preview shows drift with real values; create and update plan again and apply the plan.
 */
export interface Reconciler<C extends AnyContract> {
  contract: C;
  /** Inputs whose change replaces the resource. */
  identity: (keyof C["inputs"] & string)[];
  /** Inputs and observed outputs that a preview does not show. */
  hidden?: string[];
  /** Inputs that only affect warnings: another value is not a change. */
  advisory?: (keyof C["inputs"] & string)[];
  /** Inputs that keep their first known value, such as a baseline. */
  kept?: (keyof C["inputs"] & string)[];
  id(inputs: InputsOf<C>): string;
  /**
   * Reads the catalog; changes nothing and takes no lock beyond that of a SELECT.
   *
   * @param outputs the previous `observed` and `decided` outputs
   * @param call set when the engine calls
   */
  plan(inputs: InputsOf<C>, previous: InputsOf<C> | undefined, outputs: PropertyMap, call?: Call): Promise<Plan>;
  /** The line of a preview's summary; undefined if there is nothing to say. */
  summarize(inputs: InputsOf<C>, changes: Changes, previous?: InputsOf<C>): string | undefined;
  /** Plans again and applies the plan; idempotent. Returns the line of the summary. */
  apply(inputs: InputsOf<C>, previous: InputsOf<C> | undefined, call: Call): Promise<string | undefined>;
  /** Difference between server and state, for a refresh: as `plan`, but without failures. Default: a refresh finds no drift. */
  drift?(inputs: InputsOf<C>): Promise<Changes>;
  /** Throws, on refresh, when the server cannot be reached. */
  reach?(): Promise<void>;
  /** Restores the baseline; idempotent. */
  remove(inputs: InputsOf<C>, call: Call): Promise<void>;
}

/** Thrown by `apply` after a partial success: the state keeps the resource as not ready, and the next up continues. */
export class Incomplete extends Error {}

/** A resource type of the plugin, with its contract. */
export interface ContractedResource extends ResourceType {
  contract: AnyContract;
}

export function toResource<C extends AnyContract>(reconciler: Reconciler<C>): ContractedResource {
  type Inputs = InputsOf<C>;
  const { contract } = reconciler;
  const schema = z.strictObject(contract.inputs);
  const observed = Object.keys(contract.observed);
  const outputs = [...observed, ...Object.keys(contract.decided)];
  const computed = new Set([...outputs, ...records]);
  const texts = new Set<string>(contract.texts);
  const required = new Set(
    Object.entries(contract.inputs).flatMap(([key, input]) =>
      !z.safeParse(input, undefined).success && z.safeParse(input, null).success ? [key] : [],
    ),
  );
  // Null is a missing value, except where a value is required and null is one.
  const declared = (map: PropertyMap): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(map)
        .filter(([key, value]) => (value !== null || required.has(key)) && !computed.has(key))
        .map(([key, value]) => [key, reveal(value)]),
    );
  const parse = (map: PropertyMap): Inputs => schema.parse(declared(map)) as Inputs;
  // Inputs of an older version may be invalid by now; then there is nothing to compare with.
  const previous = (map: PropertyMap | undefined): Inputs | undefined =>
    map && Object.keys(map).length > 0 ? (schema.safeParse(declared(map)).data as Inputs | undefined) : undefined;

  const keptFrom = (olds: PropertyMap | undefined): PropertyMap => {
    const known = (reconciler.kept ?? []).map((key): [string, PropertyValue] => [key, olds?.[key] ?? null]);
    return Object.fromEntries(known.filter(([, value]) => value !== null && !(value instanceof Unknown)));
  };

  const known = (map: PropertyMap | undefined): PropertyMap =>
    Object.fromEntries(
      Object.entries(map ?? {})
        .filter(([key]) => outputs.includes(key))
        .map(([key, value]) => [key, texts.has(key) ? fromText(value) : value]),
    );

  /** In an up of reviewed changes, plans once more immediately before it applies: time has passed since Check. */
  const stillReviewed = async (call: Call, parsed: Inputs, olds?: PropertyMap) => {
    if (!isReviewedUp()) return;
    const { changes } = await readingAgain(() => reconciler.plan(parsed, previous(olds), known(olds), call));
    refuseUnreviewed(call.urn, changes);
  };

  // A refresh calls Read and then Diff with the inputs in the state, whose plan is applied; the drift is in the outputs.
  const readUnchecked = new Set<string>();

  return {
    contract,

    async check(call, { olds, news: declaredInputs }) {
      readUnchecked.delete(call.urn);
      const news = { ...declaredInputs, ...keptFrom(olds) };
      const parsed = schema.safeParse(declared(news));
      if (!parsed.success) return { inputs: news, failures: parsed.error.issues.map(toFailure) };
      const plan = await readingAgain(() => reconciler.plan(parsed.data as Inputs, previous(olds), known(olds), call));
      for (const warning of plan.warnings ?? []) call.report.warn(warning);
      const facts = Object.entries(plan.observed ?? {}).map(([key, value]): [string, PropertyValue] => {
        return [key, texts.has(key) ? toText(value, olds?.[key]) : value];
      });
      const warned = warnedOf(plan.warnings ?? []);
      const inputs: PropertyMap = {
        ...news,
        ...Object.fromEntries(facts),
        ...(warned !== undefined && { warned }),
        changes: plan.changes,
      };
      const reason = plan.failures ? undefined : unreviewed(call.urn, plan.changes);
      const failures = reason === undefined ? plan.failures : [{ property: "", reason }];
      return { inputs, ...(failures && { failures }) };
    },

    async diff({ urn }, { oldInputs, olds, news }) {
      if (readUnchecked.has(urn)) {
        // The engine inverts the diff of a refresh: a deletion here is printed as an addition on the server.
        return difference(oldInputs, news, { changes: changesOf(olds), kind: "delete" }, reconciler);
      }
      return difference(oldInputs, news, { changes: changesOf(news), kind: "add" }, reconciler);
    },

    async create(call, { inputs, preview }) {
      const parsed = parse(inputs);
      const result = { id: reconciler.id(parsed), outputs: { ...inputs, changes: {} } };
      if (preview) {
        say(call, reconciler.summarize(parsed, changesOf(inputs)));
        // Other resources would print them among their own inputs; they count only after the up.
        return {
          ...result,
          outputs: { ...result.outputs, ...Object.fromEntries(observed.map((key) => [key, unknown])) },
        };
      }
      await stillReviewed(call, parsed);
      await keepingPart(result, async () => say(call, await reconciler.apply(parsed, undefined, call)));
      return result;
    },

    async update(call, { id, oldInputs, news, preview }) {
      const parsed = parse(news);
      const result = { id, outputs: { ...news, changes: {} } };
      const before = previous(oldInputs);
      if (preview) {
        say(call, reconciler.summarize(parsed, changesOf(news), before));
        return result;
      }
      await stillReviewed(call, parsed, oldInputs);
      await keepingPart(result, async () => say(call, await reconciler.apply(parsed, before, call)));
      return result;
    },

    async read({ urn }, { id, inputs, olds }) {
      if (Object.keys(inputs).length === 0) {
        throw new Error(`${id} cannot be imported: declare it, and the first up reads the server`);
      }
      await reconciler.reach?.();
      const saved = previous(inputs);
      const drift = saved && reconciler.drift && (await readingAgain(async () => reconciler.drift?.(saved)));
      readUnchecked.add(urn);
      // The inputs stay as declared, so that an accepted refresh hides nothing: the next Check plans again. The applied plan is
      // dropped: with thousands of objects it is most of the state, and of what every later call sends.
      return {
        id,
        inputs: { ...inputs, ...(inputs.changes && { changes: {} }) },
        outputs: drift ? { ...olds, changes: drift } : olds,
      };
    },

    async delete(call, { oldInputs, olds }) {
      // An engine that does not send the old inputs sends the outputs, which have the same values.
      await reconciler.remove(parse(Object.keys(oldInputs).length > 0 ? oldInputs : olds), call);
    },
  };
}

/** Declared inputs that differ, and every object that the plan names. */
function difference(
  oldInputs: PropertyMap,
  news: PropertyMap,
  plan: { changes: Changes; kind: PropertyDiff["kind"] },
  { identity, hidden = [], advisory = [] }: { identity: string[]; hidden?: string[]; advisory?: string[] },
): DiffResult {
  const detailed: Record<string, PropertyDiff> = {};
  const changed = Object.keys({ ...oldInputs, ...news }).filter(
    (key) =>
      !records.includes(key) &&
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

/** Adds the paths at which two values differ, so that only the changed entries of a long map are printed. */
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

/** Compares a list of names by name: by position, an insertion would read as a change of every name after it. */
function addNames(detailed: Record<string, PropertyDiff>, path: string, before: string[], after: string[]): void {
  const at = (index: number, kind: PropertyDiff["kind"]) => {
    const here = `${path}[${index}]`;
    // One name is replaced by another.
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

/** Pulumi's property path: an identifier follows a dot; any other key is quoted in brackets, with only quotes escaped. */
export function child(path: string, key: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(key) ? `${path}.${key}` : `${path}["${key.replaceAll('"', '\\"')}"]`;
}

function fromText(value: PropertyValue): PropertyValue {
  return typeof value === "string" ? (JSON.parse(value) as PropertyValue) : value;
}

/** `value` as JSON; in the form that the state has if that has the same value. */
function toText(value: PropertyValue, old: PropertyValue | undefined): PropertyValue {
  return old !== undefined && isDeepStrictEqual(fromText(old), value) ? old : JSON.stringify(value);
}

function changesOf(map: PropertyMap): Changes {
  return (map.changes ?? {}) as Changes;
}

function say(call: Call, line: string | undefined): void {
  if (line !== undefined) call.report.info(line);
}

async function keepingPart(resource: { id: string; outputs: PropertyMap }, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof Incomplete) throw new PartialFailure({ ...resource, reasons: [error.message] });
    throw error;
  }
}

function toFailure(issue: z.core.$ZodIssue): CheckFailure {
  const property = issue.path
    .map((part, index) => (typeof part === "number" ? `[${part}]` : index === 0 ? String(part) : `.${String(part)}`))
    .join("");
  return { property, reason: issue.message };
}
