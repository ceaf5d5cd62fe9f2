const longest = 60;

/** A value as an error message shows it: short, on one line, and telling `"30"` from `30`. */
export function found(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null (is there nothing after the colon?)";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  const text = JSON.stringify(value);
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}

/** What kind of value it is, for values that must never be shown. */
export function foundKind(value: unknown): string {
  if (value === undefined || value === null || typeof value === "object") return found(value);
  return typeof value === "string" ? "a text (not shown)" : `a ${typeof value} (not shown)`;
}
