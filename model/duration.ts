/** Postgres's time units, smallest first, in milliseconds. Case matters: `Min` is not a unit. */
const units: [name: string, milliseconds: number][] = [
  ["us", 1 / 1000],
  ["ms", 1],
  ["s", 1000],
  ["min", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
];

const written = /^\s*((?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)\s*(us|ms|s|min|h|d)?\s*$/;

/** The largest timeout that Postgres accepts: 2147483647 ms, about 24.8 days. */
export const longestTimeout = 2_147_483_647;

/** What `milliseconds` accepts, for error messages. */
export const durationExpected = "a duration such as 30min, 5s, 250ms or 60000 (milliseconds)";

/**
 * A duration in whole milliseconds; undefined if it is not one. A number without a unit is in milliseconds. Rounds as Postgres
 * does: a fraction with a unit first to the next smaller unit, then any fraction to the millisecond, halves to even. Source:
 * convert_to_base_unit() and parse_int() in guc.c.
 */
export function milliseconds(value: string | number): number | undefined {
  const [, number, name] = written.exec(String(value)) ?? [];
  if (number === undefined) return undefined;
  const index = units.findIndex((unit) => unit[0] === name);
  let exact = Number(number) * (units[index]?.[1] ?? 1);
  const smaller = units[index - 1];
  if (smaller) exact = roundHalfEven(exact / smaller[1]) * smaller[1];
  const whole = roundHalfEven(exact);
  return whole <= longestTimeout ? whole : undefined;
}

/** `30min` for 1800000: in the largest of Postgres's units that divides the whole milliseconds. */
export function durationText(whole: number): string {
  const [name, size] = units.findLast(([, size]) => size >= 1 && whole % size === 0) ?? ["ms", 1];
  return `${whole / size}${name}`;
}

/** What `timeSpan` accepts, for error messages. */
export const timeSpanExpected = "a time such as 45m, 1h30m, 90s (or as Postgres writes it: 45min)";

/** A time on a command line, as in Go (`45m`, `1h30m`) or Postgres (`45min`), in whole milliseconds; else undefined. */
export function timeSpan(value: string): number | undefined {
  const parts = /^(?:(?:\d+(?:\.\d*)?|\.\d+)(?:us|ms|s|m|h))+$/.test(value) ? value.match(/[\d.]+[a-z]+/g) : null;
  if (!parts) return milliseconds(value);
  const all = parts.map((part) => milliseconds(part.replace(/(?<=[\d.])m$/, "min").replace(/^0+(?=\d)/, "")));
  const sum = all.reduce<number>((total, each) => total + (each ?? Number.NaN), 0);
  return sum <= longestTimeout ? sum : undefined;
}

/** C's rint(), which Postgres uses. */
function roundHalfEven(value: number): number {
  const down = Math.floor(value);
  if (value - down !== 0.5) return Math.round(value);
  return down % 2 === 0 ? down : down + 1;
}
