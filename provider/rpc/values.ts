/**
 * Pulumi property values as a provider sees them: plain JSON, with marks for what is secret or not known yet.
 * Source: https://www.pulumi.com/docs/iac/concepts/inputs-outputs/ and the SDK's proto/provider.proto.
 */

/** A value the engine must encrypt in its state and hide in its output. */
export class Secret {
  readonly value: PropertyValue;
  constructor(value: PropertyValue) {
    this.value = value;
  }
}

/** A value that only exists once something else has been created; it occurs in previews alone. */
export class Unknown {
  readonly unknown = true;
}
export const unknown = new Unknown();

export type PropertyValue = null | boolean | number | string | Secret | Unknown | PropertyValue[] | PropertyMap;
export interface PropertyMap {
  [key: string]: PropertyValue;
}

/** The value without its secret marks, at any depth. */
export function reveal(value: PropertyValue): PropertyValue {
  if (value instanceof Secret) return reveal(value.value);
  if (Array.isArray(value)) return value.map(reveal);
  if (typeof value !== "object" || value === null || value instanceof Unknown) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, reveal(inner)]));
}
