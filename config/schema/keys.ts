import { z } from "zod";
import { entries, singles } from "./index.ts";

/** The keys at a path below one section's schema; empty if any name is allowed. */
export function keysAt(schema: z.core.$ZodType, below: readonly PropertyKey[]): string[] {
  let current = unwrapped(schema);
  for (const segment of below) {
    const next: z.core.$ZodType | undefined =
      current instanceof z.ZodRecord
        ? (current.valueType as z.core.$ZodType)
        : current instanceof z.ZodObject
          ? current.shape[String(segment)]
          : undefined;
    if (!next) return [];
    current = unwrapped(next);
  }
  return current instanceof z.ZodObject ? Object.keys(current.shape) : [];
}

/** Every configuration key, such as `services.*.pool.max`; `*` is any name. */
export function allKeys(): string[] {
  return [
    ...Object.entries(singles).flatMap(([section, schema]) => [section, ...keysBelow(schema, section)]),
    ...Object.entries(entries).flatMap(([section, schema]) => [section, ...keysBelow(schema, `${section}.*`)]),
  ];
}

function keysBelow(schema: z.core.$ZodType, path: string): string[] {
  const inner = unwrapped(schema);
  if (!(inner instanceof z.ZodObject)) return [];
  return Object.entries<z.core.$ZodType>(inner.shape).flatMap(([key, child]) => [
    `${path}.${key}`,
    ...keysBelow(child, `${path}.${key}`),
  ]);
}

function unwrapped(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return unwrapped(schema.def.innerType);
  }
  return schema;
}
