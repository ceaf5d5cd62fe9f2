/** Keys of the config contract that a later release brings: known, and refused until then. `*` stands for any one name. */
const keys: [path: string, comesWith: string][] = [
  ["roles.*.rotation", "two login roles for a rotation without a window"],
];

/** The refusal of a key that comes later, or undefined for any other key. */
export function comingLater(segments: readonly PropertyKey[]): string | undefined {
  const match = keys.find(([path]) => {
    const pattern = path.split(".");
    return pattern.length === segments.length && pattern.every((part, i) => part === "*" || part === segments[i]);
  });
  return match && `not yet supported (comes with ${match[1]}); remove it`;
}
