import { readFile } from "node:fs/promises";
import { z } from "zod";
import { writeFileAtomically } from "../../provider/write-file.ts";
import { UsageError } from "../terminal/command.ts";
import type { Observations } from "./observation.ts";

/** When a login role was seen by audits. */
export interface Seen {
  firstSeen: Date;
  /** Undefined: no audit has seen a session of it. */
  lastSession?: Date | undefined;
  /** Audits since then without a session of it. */
  misses: number;
}

/** The record of earlier audits: Postgres does not keep when a role last logged in. */
export interface History {
  since: Date;
  roles: Map<string, Seen>;
}

const date = z.iso.datetime().transform((text) => new Date(text));
const stored = z.strictObject({
  schemaVersion: z.literal(1),
  server: z.string(),
  since: date,
  roles: z.record(
    z.string(),
    z.strictObject({ firstSeen: date, lastSession: date.optional(), misses: z.int().nonnegative() }),
  ),
});

/**
 * Reads the history and adds this audit to it. A missing file is a history that begins now. Throws UsageError when the file is
 * not a history of this server, so that no other file is overwritten.
 */
export async function recordAudit(
  file: string,
  server: string,
  observations: Observations,
  now: Date,
): Promise<History> {
  const previous = await readHistory(file, server);
  const roles = new Map<string, Seen>();
  for (const { role } of observations.latest.roles) {
    const seen = previous?.roles.get(role) ?? { firstSeen: now, misses: 0 };
    const isUsed = observations.peakOf(role) > 0;
    roles.set(role, isUsed ? { ...seen, lastSession: now, misses: 0 } : { ...seen, misses: seen.misses + 1 });
  }
  const history = { since: previous?.since ?? now, roles };
  const text = JSON.stringify(
    { schemaVersion: 1, server, since: history.since, roles: Object.fromEntries(roles) },
    null,
    2,
  );
  await writeFileAtomically(file, `${text}\n`, { encoding: "utf8" });
  return history;
}

async function readHistory(file: string, server: string): Promise<History | undefined> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const read = stored.safeParse(parsed(text));
  if (!read.success) throw new UsageError(`--history ${file}: it is not a history of audits; choose another file`);
  if (read.data.server !== server) {
    throw new UsageError(
      `--history ${file}: it is the history of ${read.data.server}, not of ${server}; choose another file`,
    );
  }
  return { since: read.data.since, roles: new Map(Object.entries(read.data.roles)) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
