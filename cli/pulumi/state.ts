import { pulumi } from "./pulumi.ts";

/** The parts of a stack's state that are read here; secrets are encrypted. */
export interface Exported {
  resources?: ExportedResource[];
  pending_operations?: { type: string; resource: { urn: string } }[];
}

export interface ExportedResource {
  urn: string;
  type: string;
  parent?: string;
  /** `urn::id` of its provider. */
  provider?: string;
  /** URNs of its dependencies. */
  dependencies?: string[];
  propertyDependencies?: Record<string, string[] | null>;
  deletedWith?: string;
  /** Replaced and about to be deleted. */
  delete?: boolean;
  /** Time of its creation (RFC 3339). */
  created?: string;
  inputs?: Record<string, unknown>;
  outputs?: Record<string, unknown>;
}

/**
 * The state after the last update. Throws pulumi's error.
 *
 * @param stack default: the selected stack
 * @param secrets exports secrets in plaintext
 */
export async function exportState(stack: string | undefined, secrets?: "plaintext"): Promise<Exported> {
  const named = stack === undefined ? [] : ["--stack", stack];
  const args = ["stack", "export", ...named, "--non-interactive", ...(secrets ? ["--show-secrets"] : [])];
  const text = await pulumi("read the stack's state", args);
  return (JSON.parse(text) as { deployment: Exported }).deployment;
}

/** A string property of a state exported in plaintext, secret or not; undefined if it is not a string. */
export function exportedText(property: unknown): string | undefined {
  if (typeof property === "string") return property;
  const { plaintext } = (property ?? {}) as { plaintext?: string };
  const value: unknown = plaintext === undefined ? undefined : JSON.parse(plaintext);
  return typeof value === "string" ? value : undefined;
}

/** The key by which Pulumi marks special values such as secrets. */
const signature = "4dabf18193072939515e22adb298388d";

/** A property of a state exported in plaintext, without Pulumi's secret markers. */
export function revealed(property: unknown): unknown {
  if (Array.isArray(property)) return property.map(revealed);
  if (typeof property !== "object" || property === null) return property;
  if (signature in property) {
    const { plaintext } = property as { plaintext?: string };
    return plaintext === undefined ? undefined : revealed(JSON.parse(plaintext));
  }
  return Object.fromEntries(Object.entries(property).map(([key, value]) => [key, revealed(value)]));
}

const component = "app-roles:index:Service";

/** The services in the state: name to its component and the component's descendants. */
export function serviceResources({ resources = [] }: Exported): Map<string, ExportedResource[]> {
  const services = new Map<string, ExportedResource[]>();
  const serviceOf = new Map<string, string>();
  // The state lists a parent before its children.
  for (const each of resources) {
    const name = each.type === component ? nameOf(each.urn) : serviceOf.get(each.parent ?? "");
    if (name === undefined) continue;
    serviceOf.set(each.urn, name);
    services.set(name, [...(services.get(name) ?? []), each]);
  }
  return services;
}

/** Service to its connectAs in the outputs of the state. */
export function switchesInState({ resources = [] }: Exported): Map<string, string> {
  const stack = resources.find(({ type }) => type === "pulumi:pulumi:Stack");
  const services = (revealed(stack?.outputs?.services) ?? {}) as Record<string, { connectAs: string }>;
  return new Map(Object.entries(services).map(([name, { connectAs }]) => [name, connectAs]));
}

/** The stack of a state; undefined if the state is empty. */
export function stackOf({ resources = [] }: Exported): string | undefined {
  return resources[0]?.urn.split(":")[2];
}

/** The resource's name in the program. */
export function nameOf(urn: string): string {
  return urn.slice(urn.lastIndexOf("::") + 2);
}

/** Service to its connectAs after the last completed up, without services that no up has deployed. Throws pulumi's error. */
export async function connectAsInForce(stack: string): Promise<Map<string, string>> {
  const args = ["stack", "output", "--json", "--stack", stack, "--non-interactive"];
  const { services = {} } = JSON.parse(await pulumi("read the stack's outputs", args)) as {
    services?: Record<string, { connectAs: string }>;
  };
  return new Map(Object.entries(services).map(([name, { connectAs }]) => [name, connectAs]));
}
