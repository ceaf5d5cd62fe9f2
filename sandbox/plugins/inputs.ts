import { z } from "zod";
import type { CheckFailure } from "../../provider/rpc/provider.ts";
import { type PropertyMap, type PropertyValue, reveal, Unknown } from "../../provider/rpc/values.ts";

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

function plain(inputs: PropertyMap): Record<string, PropertyValue> {
  return Object.fromEntries(
    Object.entries(inputs)
      .filter(([key, value]) => value !== null && !key.startsWith("__"))
      .map(([key, value]) => [key, reveal(value)]),
  );
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
