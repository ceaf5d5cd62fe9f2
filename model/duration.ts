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

/** The largest timeout Postgres takes: 2147483647 ms, about 24.8 days. */
export const longestTimeout = 2_147_483_647;

/** What `milliseconds` understands, for error messages. */
export const durationExpected = "a duration such as 30min, 5s, 250ms or 60000 (milliseconds)";

/**
 * A duration of a setting whose base unit is the millisecond, as whole milliseconds; undefined when it is none.
 * A bare number is in milliseconds. Rounded as Postgres does: a fraction first to the next smaller unit, then to the
 * millisecond, halves to even. Source: "Parameter Names and Values" in the Postgres manual, convert_to_base_unit().
 */
export function milliseconds(value: string | number): number | undefined {
  const parts = written.exec(String(value));
  if (!parts) return undefined;
  const index = units.findIndex(([name]) => name === (parts[2] ?? "ms"));
  const unit = units[index];
  if (!unit) return undefined;
  let exact = Number(parts[1]) * unit[1];
  const smaller = units[index - 1];
  if (smaller) exact = roundHalfEven(exact / smaller[1]) * smaller[1];
  const whole = roundHalfEven(exact);
  return whole <= longestTimeout ? whole : undefined;
}

/** C's rint(), which Postgres rounds with. */
function roundHalfEven(value: number): number {
  const down = Math.floor(value);
  if (value - down !== 0.5) return Math.round(value);
  return down % 2 === 0 ? down : down + 1;
}
