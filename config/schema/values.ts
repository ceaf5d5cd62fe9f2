import { z } from "zod";

/** A value as `read` returns it; undefined is refused, with what was expected. */
export function value<T>(expected: string, read: (written: unknown) => T | undefined) {
  return z.unknown().transform((written, context): T => {
    const result = read(written);
    if (result !== undefined) return result;
    context.addIssue({ code: "custom", params: { expected }, input: written });
    return z.NEVER;
  });
}

export const text = (what: string) =>
  value(what, (written) => (typeof written === "string" && written !== "" ? written : undefined));

export const whole = (least: number, most: number, what: string) =>
  value(what, (written) => {
    const number = typeof written === "string" && /^\s*-?\d+\s*$/.test(written) ? Number(written) : written;
    return typeof number === "number" && Number.isInteger(number) && number >= least && number <= most
      ? number
      : undefined;
  });

export function oneOf<const T extends readonly (string | boolean)[]>(...choices: T) {
  return value(choices.join(" | "), (written): T[number] | undefined =>
    choices.find((choice) => String(choice) === String(written)),
  );
}

export const names = (what: string) =>
  value(`a list of ${what}`, (written) =>
    Array.isArray(written) && written.every((name) => typeof name === "string") ? (written as string[]) : undefined,
  );

/** A map of names to values; the cross-checks check the names. */
export function namedValues<T extends z.ZodType>(of: T) {
  return z.record(z.string(), of);
}
