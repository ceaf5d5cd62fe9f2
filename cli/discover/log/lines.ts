import { isUtf8 } from "node:buffer";
import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";

/** The most bytes of a line that are kept. */
const longestLine = 16 << 20;
const newline = 0x0a;

export interface Batch {
  lines: string[];
  bytes: number;
  /** The file ends in the middle of the last line. */
  isCut: boolean;
  /** A line was longer than what is kept of one. */
  hasGap: boolean;
}

/**
 * Yields the lines of a log file in batches; `-` is standard input. A file that gzip compressed is
 * decompressed, whatever its name. A line that is not UTF-8 is read as Latin-1, since sessions log in their database's encoding.
 */
export async function* lines(file: string): AsyncGenerator<Batch> {
  const source: Readable = file === "-" ? process.stdin : createReadStream(file, { highWaterMark: 1 << 20 });
  let rest: Buffer[] = [];
  let length = 0;
  let hasGap = false;
  for await (const chunk of decompressed(source)) {
    const last = chunk.lastIndexOf(newline);
    if (last < 0) {
      if (length < longestLine) rest.push(chunk);
      else hasGap = true;
      length += chunk.length;
      continue;
    }
    const whole = Buffer.concat([...rest, chunk.subarray(0, last)]);
    rest = last + 1 < chunk.length ? [chunk.subarray(last + 1)] : [];
    length = chunk.length - last - 1;
    yield { lines: split(whole), bytes: whole.length + 1, isCut: false, hasGap };
    hasGap = false;
  }
  const whole = Buffer.concat(rest);
  if (whole.length > 0) yield { lines: split(whole), bytes: whole.length, isCut: true, hasGap };
}

async function* decompressed(source: Readable): AsyncGenerator<Buffer> {
  const chunks = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const first = await chunks.next();
  if (first.done) return;
  const all = (async function* () {
    yield first.value;
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
  })();
  const isGzip = first.value[0] === 0x1f && first.value[1] === 0x8b;
  if (!isGzip) {
    yield* all;
    return;
  }
  const unzip = createGunzip();
  const fed = feed(unzip, all);
  yield* unzip as AsyncIterable<Buffer>;
  await fed;
}

async function feed(unzip: ReturnType<typeof createGunzip>, chunks: AsyncIterable<Buffer>): Promise<void> {
  try {
    for await (const chunk of chunks) {
      if (unzip.destroyed) return;
      if (!unzip.write(chunk)) await new Promise((resolve) => unzip.once("drain", resolve).once("close", resolve));
    }
    unzip.end();
  } catch (error) {
    unzip.destroy(error as Error);
  }
}

function split(bytes: Buffer): string[] {
  if (isUtf8(bytes)) return bytes.toString("utf8").split(/\r?\n/);
  const found: string[] = [];
  for (let start = 0; start <= bytes.length; ) {
    const end = bytes.indexOf(newline, start);
    const line = bytes.subarray(start, end < 0 ? bytes.length : end);
    found.push(line.toString(isUtf8(line) ? "utf8" : "latin1").replace(/\r$/, ""));
    start = end < 0 ? bytes.length + 1 : end + 1;
  }
  return found;
}
