/** `["services", "a.b", "pool"]` as `app-roles:services["a.b"].pool`. */
export function configPath(segments: readonly PropertyKey[]): string {
  const [first = "", ...rest] = segments.map((segment) => (typeof segment === "number" ? segment : String(segment)));
  const tail = rest.map((segment) => {
    if (typeof segment === "number") return `[${segment}]`;
    return /^[\w-]+$/.test(segment) ? `.${segment}` : `[${JSON.stringify(segment)}]`;
  });
  return `app-roles:${first}${tail.join("")}`;
}
