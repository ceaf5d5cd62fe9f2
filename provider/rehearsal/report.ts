import type { Rehearsed } from "./result.ts";

type Found = Pick<Rehearsed, "failed" | "warned" | "missed" | "untried">;

/** Everything that failed, was missed, not tried or is worth a warning, with what to do about it; empty when all went well. */
export function problems({ failed, warned, missed, untried }: Found): string {
  return [
    ...(failed.length > 0 ? ["failed"] : []),
    ...failed.map(({ object, check, code, message, remedy }) =>
      entry(`${object}: ${check}`, `${message}${code ? ` (${code})` : ""}`, remedy),
    ),
    ...(missed.length > 0 ? ["not rehearsed"] : []),
    ...missed.map(({ object, reason, remedy }) => entry(object, reason, remedy)),
    ...(untried.length > 0 ? ["not tried"] : []),
    ...untried.map(({ object, reason, remedy }) => entry(object, reason, remedy)),
    ...(warned.length > 0 ? ["warnings"] : []),
    ...warned.map(({ object, check, code, message, remedy }) =>
      entry(`${object}: ${check}`, `${message}${code ? ` (${code})` : ""}`, remedy),
    ),
  ].join("\n");
}

/** What is said of a rehearsal that passed, one line each. */
export function remarks({ warned, untried }: Pick<Rehearsed, "warned" | "untried">): string[] {
  return [
    ...untried.map(({ object, reason, remedy }) => `${object} was not tried: ${reason}. ${remedy}`),
    ...warned.map(({ object, check, message, remedy }) => `${object}: ${check}: ${message}. ${remedy}`),
  ];
}

function entry(what: string, why: string, remedy: string): string {
  return [`  ${what}`, `    ${why}`, `    ${remedy}`].join("\n");
}
