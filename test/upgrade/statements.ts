import type { Statement } from "./kept.ts";

export const logLinePrefix = "%p|%d|";

const change = /\b(CREATE|ALTER|DROP|GRANT|REVOKE|COMMENT)\b/i;

/** The statements in a server's log that changed something and were not rolled back, in order. */
export function committed(log: string): Statement[] {
  const all: Statement[] = [];
  const open = new Map<string, Statement[]>();
  for (const { pid, database, level, text } of entries(log)) {
    if (level === "ERROR") throw new Error(`a statement failed, so what was committed is not known: ${text}`);
    const sql = /^(?:statement|execute [^:]+): (.*)$/s.exec(text)?.[1];
    if (level !== "LOG" || sql === undefined) continue;
    const transaction = open.get(pid);
    if (/^\s*(BEGIN|START TRANSACTION)\b[^;]*;?\s*$/i.test(sql)) open.set(pid, []);
    else if (/^\s*ROLLBACK\s*;?\s*$/i.test(sql)) open.delete(pid);
    else if (/^\s*COMMIT\s*;?\s*$/i.test(sql)) {
      all.push(...(transaction ?? []));
      open.delete(pid);
    } else if (change.test(sql) && !/^\s*SELECT\b/i.test(sql)) (transaction ?? all).push({ database, sql });
  }
  return all;
}

function* entries(log: string) {
  // A line that begins with a tab continues the previous entry.
  for (const entry of log.split(/\n(?!\t)/)) {
    const found = /^(\d+)\|([^|]*)\|([A-Z]+): {2}(.*)$/s.exec(entry);
    if (!found) continue;
    const [, pid, database, level, text] = found as unknown as [string, string, string, string, string];
    yield { pid, database, level, text: text.replaceAll("\n\t", "\n") };
  }
}
