/** Milliseconds as a person writes them: `45s`, `4min 10s`. */
export function inWords(milliseconds: number): string {
  const seconds = Math.ceil(milliseconds / 1000);
  if (seconds < 60) return `${seconds}s`;
  const rest = seconds % 60;
  return `${Math.floor(seconds / 60)}min${rest > 0 ? ` ${rest}s` : ""}`;
}

export function sessionsInWords(sessions: number): string {
  return sessions === 1 ? "1 session" : `${sessions} sessions`;
}
