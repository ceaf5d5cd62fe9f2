const longest = 60;

/** A value for an error message: short, on one line, with `"30"` distinct from `30`. */
export function found(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null (is there nothing after the colon?)";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  const text = JSON.stringify(value);
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}

/** The kind of a secret value, for an error message. */
export function foundKind(value: unknown): string {
  if (value === undefined || value === null || typeof value === "object") return found(value);
  return typeof value === "string" ? "a text (not shown)" : `a ${typeof value} (not shown)`;
}
