import { connectionBudgetContract } from "../provider/budget/contract.ts";
import { legacyUrlContract } from "../provider/legacy-url/contract.ts";
import { privilegesContract } from "../provider/privileges/contract.ts";
import { roleSettingsContract } from "../provider/settings/contract.ts";

/** A value that is known only after another resource was created. */
export class Unknown {
  readonly unknown = true;
}
export const unknown = new Unknown();

export type Value = null | undefined | boolean | number | string | Unknown | Value[] | Values;
export interface Values {
  [key: string]: Value;
}

/** A resource as the policies see it: plain values, with unknown ones marked. */
export interface Resource {
  type: string;
  urn: string;
  name: string;
  props: Values;
  /** `host:port` of its provider's server; undefined if not known. */
  server: string | undefined;
}

/** A violation of a policy, and the resource that it belongs to. */
export interface Violation {
  message: string;
  urn: string;
}

/** The part of the SDK's resource that policies read. */
interface SdkResource {
  type: string;
  urn: string;
  name: string;
  props: Record<string, unknown>;
  provider?: { props: Record<string, unknown> };
}

export const roleType = "postgresql:index/role:Role";
export const budgetType = connectionBudgetContract.token;
export const settingsType = roleSettingsContract.token;
export const privilegesType = privilegesContract.token;
export const legacyUrlType = legacyUrlContract.token;
export const serviceType = "app-roles:index:Service";

/**
 * A resource in plain values. The SDK throws when an unknown value is read, and an error in a policy turns a mandatory policy
 * into a warning, so every value is read here once, and marked if it is unknown.
 */
export function plainResource({ type, urn, name, props, provider }: SdkResource): Resource {
  const address = provider && plainValues(provider.props);
  const isKnown = address && isAddressPart(address.host) && isAddressPart(address.port);
  return {
    type,
    urn,
    name,
    props: plainValues(props),
    server: isKnown ? `${String(address.host)}:${String(address.port)}` : undefined,
  };
}

function isAddressPart(value: Value): boolean {
  return typeof value === "string" || typeof value === "number";
}

function plainValues(values: object): Values {
  const plain: [string, Value][] = Object.keys(values).map((key) => [key, readKey(values, key)]);
  return Object.fromEntries(plain);
}

function readKey(values: object, key: string | number): Value {
  try {
    return plainValue((values as Record<string | number, unknown>)[key]);
  } catch (error) {
    if (isUnknownValue(error)) return unknown;
    throw error;
  }
}

/** The SDK's UnknownValueError, by its name: `app-roles doctor` checks a declaration without loading the SDK. */
function isUnknownValue(error: unknown): boolean {
  return error instanceof Error && error.constructor.name === "UnknownValueError";
}

function plainValue(value: unknown): Value {
  if (Array.isArray(value)) return Array.from({ length: value.length }, (_, index) => readKey(value, index));
  if (typeof value === "object" && value !== null) return plainValues(value);
  return value as Value;
}

export function isValues(value: Value): value is Values {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Unknown);
}

/** A value for a message. */
export function valueText(value: Value): string {
  if (value === unknown) return "not known yet";
  if (value === undefined || value === null) return "not set";
  return typeof value === "object" ? "not a plain value" : String(value);
}
