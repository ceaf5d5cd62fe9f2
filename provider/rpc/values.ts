/**
 * Pulumi property values: plain JSON, with marks for secret and unknown values.
 * Source: https://www.pulumi.com/docs/iac/concepts/inputs-outputs/ and the SDK's proto/provider.proto.
 */

/** A value that the engine encrypts in the state and hides in its output. */
export class Secret {
  readonly value: PropertyValue;
  constructor(value: PropertyValue) {
    this.value = value;
  }
}

/** A value that is known only after another resource is created; only in previews. */
export class Unknown {
  readonly unknown = true;
}
export const unknown = new Unknown();

export type PropertyValue = null | boolean | number | string | Secret | Unknown | PropertyValue[] | PropertyMap;
export interface PropertyMap {
  [key: string]: PropertyValue;
}

/** The value without secret marks, at any depth. */
export function reveal(value: PropertyValue): PropertyValue {
  if (value instanceof Secret) return reveal(value.value);
  if (Array.isArray(value)) return value.map(reveal);
  if (typeof value !== "object" || value === null || value instanceof Unknown) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, reveal(inner)]));
}
