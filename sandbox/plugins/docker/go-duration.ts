/** Nanoseconds per unit. */
const units: Record<string, number> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

/** Converts a Go duration such as 1m30s to nanoseconds, the Engine API's unit. */
export function nanoseconds(duration: string): number {
  const parts = [...duration.matchAll(/(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)/g)];
  return parts.reduce((sum, [, number, unit = ""]) => sum + Number(number) * (units[unit] as number), 0);
}

/** Formats a duration as Go does: 90 s is 1m30s, 60 s is 1m0s. */
export function goDuration(ns: number): string {
  if (ns === 0) return "0s";
  if (ns < 1e3) return `${ns}ns`;
  if (ns < 1e6) return `${ns / 1e3}µs`;
  if (ns < 1e9) return `${ns / 1e6}ms`;
  const hours = Math.floor(ns / 3600e9);
  const minutes = Math.floor(ns / 60e9) % 60;
  const seconds = `${(ns % 60e9) / 1e9}s`;
  if (hours > 0) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${minutes}m${seconds}` : seconds;
}

/** Formats a duration without trailing zeros (1m, 1h), as the official plugin does for a service. */
export function shortDuration(ns: number): string {
  return goDuration(ns).replace(/m0s$/, "m").replace(/h0m$/, "h");
}
