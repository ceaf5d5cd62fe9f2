import { pulumi } from "./pulumi.ts";

/** A stack's state, as far as it is read here; secrets are encrypted in it. */
export interface Exported {
  resources?: ExportedResource[];
  pending_operations?: { type: string; resource: { urn: string } }[];
}

export interface ExportedResource {
  urn: string;
  type: string;
  parent?: string;
  /** Replaced already, and about to be deleted. */
  delete?: boolean;
  inputs?: Record<string, unknown>;
  outputs?: Record<string, unknown>;
}

/** The state as the last update left it, its secrets in clear only when that is asked for. Throws what pulumi says. */
export async function exportState(stack: string, secrets?: "in clear"): Promise<Exported> {
  const args = ["stack", "export", "--stack", stack, "--non-interactive", ...(secrets ? ["--show-secrets"] : [])];
  const text = await pulumi("read the stack's state", args);
  return (JSON.parse(text) as { deployment: Exported }).deployment;
}

/** A text among the properties of a state that was exported in clear, secret or not; undefined when there is none. */
export function exportedText(property: unknown): string | undefined {
  if (typeof property === "string") return property;
  const { plaintext } = (property ?? {}) as { plaintext?: string };
  const value: unknown = plaintext === undefined ? undefined : JSON.parse(plaintext);
  return typeof value === "string" ? value : undefined;
}

const component = "app-roles:index:Service";

/** The services in the state: name to its component and all below it. */
export function serviceResources({ resources = [] }: Exported): Map<string, ExportedResource[]> {
  const services = new Map<string, ExportedResource[]>();
  const serviceOf = new Map<string, string>();
  // A parent stands before its children in the state.
  for (const each of resources) {
    const name =
      each.type === component ? each.urn.slice(each.urn.lastIndexOf("::") + 2) : serviceOf.get(each.parent ?? "");
    if (name === undefined) continue;
    serviceOf.set(each.urn, name);
    services.set(name, [...(services.get(name) ?? []), each]);
  }
  return services;
}
