import { z } from "zod";
import { type PropertyMap, reveal } from "../../../provider/rpc/values.ts";
import { orUnknown } from "../inputs.ts";

/** A change of any of these draws anew. */
export const keepers = orUnknown(z.record(z.string(), orUnknown(z.string().nullable()))).optional();

/** Null, absent and empty entries are the same: Terraform would not have stored them. */
export function differ(before: PropertyMap[string] | undefined, after: PropertyMap[string] | undefined): boolean {
  return JSON.stringify(normal(before)) !== JSON.stringify(normal(after));
}

function normal(value: PropertyMap[string] | undefined): unknown {
  const plain = reveal(value ?? null);
  if (typeof plain !== "object" || plain === null) return plain;
  const entries = Object.entries(plain).filter(([, entry]) => entry !== null);
  return entries.length === 0 ? null : entries.sort(([a], [b]) => (a < b ? -1 : 1));
}
