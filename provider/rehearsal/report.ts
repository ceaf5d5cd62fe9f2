import type { Rehearsed } from "./result.ts";

/** Everything that failed or was missed, with what to do about it; empty when all went well. */
export function problems({ failed, missed }: Pick<Rehearsed, "failed" | "missed">): string {
  return [
    ...(failed.length > 0 ? ["failed"] : []),
    ...failed.map(({ object, check, code, message, remedy }) =>
      entry(`${object}: ${check}`, `${message}${code ? ` (${code})` : ""}`, remedy),
    ),
    ...(missed.length > 0 ? ["not rehearsed"] : []),
    ...missed.map(({ object, reason, remedy }) => entry(object, reason, remedy)),
  ].join("\n");
}

function entry(what: string, why: string, remedy: string): string {
  return [`  ${what}`, `    ${why}`, `    ${remedy}`].join("\n");
}
