import type { Container } from "../../docker/engine.ts";

/** One line of a container's log. */
export interface LogLine {
  /** Docker's timestamp, with nanoseconds. */
  time: string;
  text: string;
}

/** The most lines that are read in one go. */
const most = 20_000;

/**
 * A container's log from `since` (RFC 3339, inclusive); undefined if its logging driver does not support reading
 * (https://docs.docker.com/engine/logging/configure/: `none`, and remote drivers without the local cache).
 */
export async function readLog(container: Container, hasTty: boolean, since: string): Promise<LogLine[] | undefined> {
  try {
    const raw = await container.logs({
      stdout: true,
      stderr: true,
      timestamps: true,
      tail: most,
      since: secondsOf(since),
    });
    return toLines(hasTty ? raw.toString("utf8") : demultiplex(raw));
  } catch (error) {
    if (String((error as Error).message).includes("does not support reading")) return undefined;
    throw error;
  }
}

/** `2026-01-02T03:04:05.123456789Z` as Unix seconds with the same fraction, for the Engine API. */
function secondsOf(time: string): string {
  const fraction = /\.(\d+)/.exec(time)?.[1] ?? "0";
  return `${Math.floor(Date.parse(time) / 1000)}.${fraction.padEnd(9, "0")}`;
}

/** Without a TTY each frame has a header: its stream, three zeros, its length in four bytes (Engine API: attach). */
function demultiplex(raw: Buffer): string {
  const pieces: Buffer[] = [];
  for (let at = 0; at + 8 <= raw.length; ) {
    const length = raw.readUInt32BE(at + 4);
    pieces.push(raw.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return Buffer.concat(pieces).toString("utf8");
}

function toLines(text: string): LogLine[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const space = line.indexOf(" ");
      return { time: line.slice(0, space), text: line.slice(space + 1).replace(/\r$/, "") };
    });
}

/** Masks known secrets, and what looks like a password, in a log line. */
export function withoutSecrets(line: string, secrets: string[]): string {
  const known = secrets.toSorted((a, b) => b.length - a.length);
  return known
    .reduce((rest, secret) => rest.replaceAll(secret, "[secret]"), line)
    .replace(/(:\/\/[^\s:/@]*:)[^\s@]+@/g, "$1[secret]@")
    .replace(/(\bpass(?:word|wd)?["']?\s*[=:]\s*)\S+/gi, "$1[secret]");
}
