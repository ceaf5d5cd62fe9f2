import { connectionBudgetContract } from "../provider/budget/contract.ts";
import { legacyUrlContract } from "../provider/legacy-url/contract.ts";
import { privilegesContract } from "../provider/privileges/contract.ts";
import { roleSettingsContract } from "../provider/settings/contract.ts";

/** Stands for a value that is only known once something else has been made. */
export class Unknown {
  readonly unknown = true;
}
export const unknown = new Unknown();

export type Value = null | undefined | boolean | number | string | Unknown | Value[] | Values;
export interface Values {
  [key: string]: Value;
}

/** A resource as the policies see it: plain values, unknown ones marked. */
export interface Resource {
  type: string;
  urn: string;
  name: string;
  props: Values;
  /** `host:port` of the server its provider talks to; undefined where that is not known. */
  server: string | undefined;
}

/** What a policy finds, and the resource it stands at. */
export interface Violation {
  message: string;
  urn: string;
}

/** The part that policies read of what the SDK hands to a resource or a stack policy. */
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
 * A resource in plain values. The SDK throws at the mere reading of an unknown value, and an error that leaves a policy
 * turns a mandatory one into a warning: so every value is read here, once, and marked where it is unknown.
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

/** The SDK's UnknownValueError, by its name: `app-roles doctor` judges a declaration without loading the SDK. */
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
