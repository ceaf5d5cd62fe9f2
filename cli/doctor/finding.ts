import { table } from "../terminal/screen.ts";

/** The result of one check. */
export interface Finding {
  /** The subject, such as `server`. */
  what: string;
  /** `unknown`: it could not be checked, because another check failed. */
  state: "ok" | "wrong" | "unknown";
  found: string;
  /** How to fix it. */
  next?: string | undefined;
}

export const ok = (what: string, found: string): Finding => ({ what, state: "ok", found });
export const unknown = (what: string, found: string): Finding => ({ what, state: "unknown", found });
export const wrong = (what: string, found: string, next: string): Finding => ({ what, state: "wrong", found, next });

/** A table of all findings, then how to fix what is wrong. */
export function report(findings: Finding[]): string {
  const marks = { ok: "ok", wrong: "WRONG", unknown: "-" };
  const rows = findings.map(({ what, state, found }) => [what, marks[state], found.split("\n", 1)[0] ?? ""]);
  const steps = findings.flatMap(({ what, found, next }) => {
    if (next === undefined) return [];
    const [, ...more] = found.split("\n");
    return [`${what}: ${next}`, ...more.map((line) => `    ${line}`)];
  });
  const end = steps.length === 0 ? ["No problems found."] : ["What to do:", ...steps.map((step) => `  ${step}`)];
  return [table(rows), "", ...end].join("\n");
}
