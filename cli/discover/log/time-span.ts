import { open } from "node:fs/promises";
import { constants, gunzipSync } from "node:zlib";
import { Times } from "./entry.ts";
import { formatOf } from "./format-of.ts";

/** The bytes of a file that are read at its beginning and at its end. */
const part = 256 << 10;

/** What converts the times of a log; without a time zone they can still be compared. */
export interface TimeOptions {
  linePrefix?: string | undefined;
  timeZone?: string | undefined;
}

/** The time of the first message, as milliseconds; undefined if none is near the beginning. */
export async function firstTime(file: string, options: TimeOptions): Promise<number | undefined> {
  for (const time of timesIn(await readPart(file, () => 0), options)) return time;
  return undefined;
}

/** The time of the last message; undefined if none is near the end, or the file is compressed. */
export async function lastTime(file: string, options: TimeOptions): Promise<number | undefined> {
  return [...timesIn(await readPart(file, (size) => Math.max(0, size - part)), options)].at(-1);
}

function* timesIn(text: string, { linePrefix, timeZone = "UTC" }: TimeOptions): Generator<number> {
  const lines = text.split(/\r?\n/);
  const format = formatOf(lines, new Times(timeZone), linePrefix);
  for (const line of [...lines, undefined]) {
    const at = (line === undefined ? format.end() : format.push(line))?.at;
    if (at) yield at.getTime();
  }
}

async function readPart(file: string, start: (size: number) => number): Promise<string> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    const buffer = Buffer.alloc(Math.min(part, size));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, start(size));
    const bytes = buffer.subarray(0, bytesRead);
    if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes.toString();
    return gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: 64 << 20 }).toString();
  } catch {
    // A file that cannot be read has its error when it is read as a whole.
    return "";
  } finally {
    await handle.close();
  }
}
