/** A log line that may be shown: without the values that are known to be secret, and without what looks like a password. */
export function withoutSecrets(line: string, secrets: string[]): string {
  const known = secrets.toSorted((a, b) => b.length - a.length);
  return known
    .reduce((rest, secret) => rest.replaceAll(secret, "[secret]"), line)
    .replace(/(:\/\/[^\s:/@]*:)[^\s@]+@/g, "$1[secret]@")
    .replace(/(\bpass(?:word|wd)?["']?\s*[=:]\s*)\S+/gi, "$1[secret]");
}
