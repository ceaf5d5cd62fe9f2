import { z } from "zod";
import type { CheckFailure } from "../../provider/rpc/provider.ts";
import { type PropertyMap, type PropertyValue, reveal, Secret, Unknown } from "../../provider/rpc/values.ts";

/** A value that can be unknown in a preview. */
export function orUnknown<T extends z.ZodType>(schema: T): z.ZodUnion<[T, z.ZodCustom<Unknown>]> {
  return z.union([schema, z.instanceof(Unknown)]);
}

/**
 * Checks inputs against a stand-in's schema. The schema is strict: an input that the stand-in does not implement is a
 * failure, since ignoring it would hide a difference from production.
 */
export function checkInputs(schema: z.ZodType, inputs: PropertyMap): CheckFailure[] {
  const checked = schema.safeParse(plain(inputs));
  return checked.success ? [] : checked.error.issues.flatMap(toFailures);
}

/** The inputs without secret marks and nulls. Call `checkInputs` first. */
export function readInputs<T extends z.ZodType>(schema: T, inputs: PropertyMap): z.infer<T> {
  return schema.parse(plain(inputs));
}

/** The SDK can send null for a missing property. */
export function withoutNulls(properties: PropertyMap): PropertyMap {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== null));
}

/** Removes the bridge's internal properties, such as `__defaults`. */
export function withoutInternals(properties: PropertyMap): PropertyMap {
  return Object.fromEntries(Object.entries(properties).filter(([key]) => !key.startsWith("__")));
}

/** Whether the value is an object, and neither a secret nor unknown. */
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
      reason: "the sandbox's stand-in does not implement it: omit it, or install the official plugin",
    }));
  }
  return [{ property: issue.path.join("."), reason: issue.message }];
}
