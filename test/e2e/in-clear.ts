/** Something that anybody may come to read. */
export interface Place {
  path: string;
  text: string;
}

/**
 * The places in which one of the passwords, of hex digits, can be read: as it is, as its bytes in base64 (the id of a
 * RandomBytes), as text in base64, or inside anything longer in base64.
 */
export function placesInClear(passwords: Iterable<string>, places: Place[]): string[] {
  const all = [...passwords];
  const leaks = ({ text }: Place) =>
    readings(text).some((reading) => all.some((password) => reading.includes(password)));
  return places.filter(leaks).map(({ path }) => path);
}

/** A text, and what its runs of base64 letters decode to, wherever in a run the base64 begins. */
function readings(text: string): string[] {
  const runs = [...new Set(text.match(/[A-Za-z0-9+/_-]{32,}/g))];
  const decoded = runs.flatMap((run) => [0, 1, 2, 3].map((from) => Buffer.from(run.slice(from), "base64")));
  return [text, ...decoded.flatMap((bytes) => [bytes.toString("hex"), bytes.toString("latin1")])];
}
