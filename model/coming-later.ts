/** Keys of the config contract that a later release brings: known, and refused until then. `*` stands for any one name. */
const keys: [path: string, comesWith: string][] = [
  ["server.admin.container", "service runtimes"],
  ["databases.*.exclusive", "exclusive privileges"],
  ["roles.*.exclusive", "exclusive privileges"],
  ["roles.*.grants", "explicit grants"],
  ["roles.*.rotation", "password rotation"],
  ["rotation", "password rotation"],
  ["migrationComplete", "the end of the migration"],
  ["rollbackKit", "rollback without Pulumi"],
  ["maxCutoversPerUp", "gated cutover"],
  ["services.*.gate", "gated cutover"],
  ["services.*.urlFrom", "service runtimes"],
  ["services.*.container", "service runtimes"],
  ["services.*.swarm", "service runtimes"],
  ["services.*.compose", "service runtimes"],
  ["services.*.command", "service runtimes"],
  ["serviceSecrets.*.env", "service runtimes"],
];

/** Service runtimes that a later release brings. */
export const runtimesComingLater = ["container", "swarm", "compose", "command"];

/** The refusal of a key that comes later, or undefined for any other key. */
export function comingLater(segments: readonly PropertyKey[]): string | undefined {
  const match = keys.find(([path]) => {
    const pattern = path.split(".");
    return pattern.length === segments.length && pattern.every((part, i) => part === "*" || part === segments[i]);
  });
  return match && notYetSupported(match[1]);
}

export function notYetSupported(comesWith: string, remedy = "remove it"): string {
  return `not yet supported (comes with ${comesWith}); ${remedy}`;
}
