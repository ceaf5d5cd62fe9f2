import { z } from "zod";
import type { CheckFailure } from "../../provider/rpc/provider.ts";
import { type PropertyMap, type PropertyValue, reveal, Secret, Unknown } from "../../provider/rpc/values.ts";

/** A value that, in a preview, may not be known yet. */
export function orUnknown<T extends z.ZodType>(schema: T): z.ZodUnion<[T, z.ZodCustom<Unknown>]> {
  return z.union([schema, z.instanceof(Unknown)]);
}

/**
 * Checks inputs against what a stand-in implements. `schema` is strict: any other input is a failure that names it,
 * because a sandbox that ignored it would promise what production does not keep.
 */
export function checkInputs(schema: z.ZodType, inputs: PropertyMap): CheckFailure[] {
  const checked = schema.safeParse(plain(inputs));
  return checked.success ? [] : checked.error.issues.flatMap(toFailures);
}

/** The inputs without secret marks and without what is not given; it must have been checked before. */
export function readInputs<T extends z.ZodType>(schema: T, inputs: PropertyMap): z.infer<T> {
  return schema.parse(plain(inputs));
}

/** Null is what the SDK may send for what is not given. */
export function withoutNulls(properties: PropertyMap): PropertyMap {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== null));
}

/** Without the bridge's own entries, such as `__defaults`. */
export function withoutInternals(properties: PropertyMap): PropertyMap {
  return Object.fromEntries(Object.entries(properties).filter(([key]) => !key.startsWith("__")));
}

/** Properties by name, and no value with a mark. */
export function isMap(value: PropertyValue | undefined): value is PropertyMap {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject && !(value instanceof Secret) && !(value instanceof Unknown);
}

function plain(inputs: PropertyMap): PropertyMap {
  return reveal(withoutInternals(withoutNulls(inputs))) as PropertyMap;
}

function toFailures(issue: z.core.$ZodIssue): CheckFailure[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      property: key,
      reason: "the sandbox's stand-in does not implement it: leave it out, or install the official plugin",
    }));
  }
  return [{ property: issue.path.join("."), reason: issue.message }];
}
