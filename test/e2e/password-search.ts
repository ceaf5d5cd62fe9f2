/** A text that others can read. */
export interface Place {
  path: string;
  text: string;
}

/**
 * Finds the texts that contain one of the hexadecimal passwords: plain, as bytes in base64 (the id of a RandomBytes), or as text
 * anywhere in base64.
 */
export function placesOfPasswords(passwords: Iterable<string>, places: Place[]): string[] {
  const all = [...passwords];
  const leaks = ({ text }: Place) =>
    readings(text).some((reading) => all.some((password) => reading.includes(password)));
  return places.filter(leaks).map(({ path }) => path);
}

/** A text and its decoded base64 runs, at every offset. */
function readings(text: string): string[] {
  const runs = [...new Set(text.match(/[A-Za-z0-9+/_-]{32,}/g))];
  const decoded = runs.flatMap((run) => [0, 1, 2, 3].map((from) => Buffer.from(run.slice(from), "base64")));
  return [text, ...decoded.flatMap((bytes) => [bytes.toString("hex"), bytes.toString("latin1")])];
}
