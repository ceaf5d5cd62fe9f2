import { lastTime, type TimeOptions } from "./time-span.ts";

/** A log file, and the part of it that another file has too. */
export interface ReadFile {
  file: string;
  /** Times, in milliseconds, whose messages are in a file of another format too. */
  copied: Span[];
}

interface Span {
  from: number;
  to: number;
}

interface Found {
  file: string;
  /** The time of its first message. */
  first: number | undefined;
  modified: number;
}

const format = /\.(log|csv|json)(?=(\.\d+)?(\.gz)?$)/;
const best = ["json", "csv", "log"];
/** Where a name has the time of the file, which the server rotates for each format on its own. */
const stamp = /\d{4}-?\d\d-?\d\d(?:[T_-]?\d\d[:-]?\d\d(?:[:-]?\d\d)?)?|\d{10}/g;

/**
 * Leaves out what is read in another format: a server that writes several writes each message to every one. Of these jsonlog is
 * read, else csvlog, else stderr. Another one is read only for times that the better ones lack, when log_destination was different.
 *
 * @param files oldest first
 */
export async function withoutCopies(files: Found[], options: TimeOptions): Promise<ReadFile[]> {
  const copied = new Map<string, Span[] | "all">();
  const logs = Map.groupBy(files, ({ file }) => stemOf(file).replace(stamp, "#"));
  for (const log of logs.values()) {
    const formats = best
      .map((name) => log.filter(({ file }) => formatInName(file) === name))
      .filter(({ length }) => length > 0);
    if (formats.length < 2) continue;
    // The better ones later: what a running server writes meanwhile is in them.
    const spans = new Map<Found, Span>();
    for (const sameFormat of formats.toReversed()) {
      for (const [file, span] of await spansOf(sameFormat, options)) spans.set(file, span);
    }
    const covered: Span[] = [];
    const stems = new Set<string>();
    for (const sameFormat of formats) {
      for (const each of sameFormat) {
        const isNamesake = stems.has(stemOf(each.file));
        copied.set(each.file, isCopy(spans.get(each), covered, isNamesake) ? "all" : [...covered]);
      }
      const known = sameFormat.flatMap((each) => spans.get(each) ?? []);
      if (known.length > 0) covered.push({ from: (known[0] as Span).from, to: (known.at(-1) as Span).to });
      for (const { file } of sameFormat) stems.add(stemOf(file));
    }
  }
  return files.flatMap(({ file }) => {
    const spans = copied.get(file) ?? [];
    return spans === "all" ? [] : [{ file, copied: spans }];
  });
}

/** @param isNamesake whether a better format has a file of the same name */
function isCopy(span: Span | undefined, covered: Span[], isNamesake: boolean): boolean {
  if (!span) return isNamesake;
  // Times in whole seconds, of %t, are rounded down.
  const precision = span.from % 1000 === 0 ? 1000 : 1;
  return covered.some(
    ({ from, to }) => span.to <= to && (isNamesake || span.from >= Math.floor(from / precision) * precision),
  );
}

/** From the first message of each file to that of the next one, or to its last; files without a time have none. */
async function spansOf(files: Found[], options: TimeOptions): Promise<Map<Found, Span>> {
  const spans = new Map<Found, Span>();
  const dated = files.filter(({ first }) => first !== undefined);
  for (const [index, found] of dated.entries()) {
    const from = found.first as number;
    const to = dated[index + 1]?.first ?? (await lastTime(found.file, options)) ?? found.modified;
    spans.set(found, { from, to: Math.max(from, to) });
  }
  return spans;
}

function formatInName(file: string): string {
  return format.exec(file)?.[1] ?? "log";
}

function stemOf(file: string): string {
  return file.replace(format, "");
}
