import { createHash } from "node:crypto";

/**
 * Identifies a warning without its text. The digests of the last up's warnings are kept in the state, so that a review can tell new
 * warnings.
 *
 * @param warning as printed
 */
export function warningDigest(warning: string): string {
  return createHash("sha256").update(warning.trim()).digest("hex").slice(0, 12);
}

/** The property of a resource that holds them; undefined without warnings. */
export function warnedOf(warnings: string[]): string | undefined {
  return warnings.length === 0 ? undefined : [...new Set(warnings.map(warningDigest))].sort().join(" ");
}
