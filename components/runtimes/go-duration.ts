/**
 * Milliseconds as Go prints a duration: 90 000 is 1m30s, 60 000 is 1m0s. The docker plugin reads durations back in this
 * form and compares texts: another one would be a change at every up.
 */
export function goDuration(milliseconds: number): string {
  if (milliseconds === 0) return "0s";
  if (milliseconds < 1000) return `${milliseconds}ms`;
  const hours = Math.floor(milliseconds / 3_600_000);
  const minutes = Math.floor(milliseconds / 60_000) % 60;
  const seconds = (milliseconds % 60_000) / 1000;
  if (hours > 0) return `${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`;
}

/** The same without zeros at the end (1m, 1h), as the plugin has the durations of a swarm's service. */
export function shortGoDuration(milliseconds: number): string {
  return goDuration(milliseconds).replace(/m0s$/, "m").replace(/h0m$/, "h");
}
