import type { ExportedResource } from "../pulumi/state.ts";

/**
 * Why Pulumi refuses a state (`snapshot integrity failure`, `Duplicate resource URN`): a resource that the state has twice, or
 * before a resource it needs, or that needs a missing one. Empty for a valid state.
 */
export function integrityProblems(resources: ExportedResource[]): string[] {
  const all = new Set(resources.map(({ urn }) => urn));
  const before = new Set<string>();
  const live = new Set<string>();
  const problems: string[] = [];
  for (const resource of resources) {
    const { urn } = resource;
    if (!resource.delete && live.has(urn)) problems.push(`${urn} is in the state twice`);
    for (const [what, needed] of needs(resource)) {
      if (before.has(needed)) continue;
      problems.push(`${urn}: its ${what} ${needed} ${all.has(needed) ? "comes after it" : "does not exist"}`);
    }
    before.add(urn);
    if (!resource.delete) live.add(urn);
  }
  return [...new Set(problems)];
}

function needs(resource: ExportedResource): [string, string][] {
  const { parent, provider, dependencies, propertyDependencies, deletedWith } = resource;
  // The provider's reference ends in its id.
  const reference = provider?.slice(0, provider.lastIndexOf("::"));
  const listed = [...(dependencies ?? []), ...Object.values(propertyDependencies ?? {}).flatMap((urns) => urns ?? [])];
  return [
    ...(parent ? [["parent", parent] as [string, string]] : []),
    ...(reference ? [["provider", reference] as [string, string]] : []),
    ...(deletedWith ? [["deletedWith", deletedWith] as [string, string]] : []),
    ...[...new Set(listed)].map((urn): [string, string] => ["dependency", urn]),
  ];
}
