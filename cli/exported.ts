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
}

/** The state as the last update left it. Throws what pulumi says. */
export async function exportState(stack: string): Promise<Exported> {
  const text = await pulumi("read the stack's state", ["stack", "export", "--stack", stack, "--non-interactive"]);
  return (JSON.parse(text) as { deployment: Exported }).deployment;
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
