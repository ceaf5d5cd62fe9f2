import type { LogEntry } from "./entry.ts";
import { sqlStart } from "./logged-statement.ts";

const severities = /^(?:DEBUG[1-5]?|INFO|NOTICE|WARNING|ERROR|LOG|FATAL|PANIC)$/;

/** A statement after words of which no English message consists: `Anweisung: SELECT`, `exécute <unnamed> : SELECT`. */
const labelled = new RegExp(`^[^\\n]{1,200}?[:\uff1a]\\s*${sqlStart.source.slice(1)}`, "i");
/** Of the extension auto_explain. */
const plan = /^duration: [\d.]+ ms {2}plan:/;

/** Whether a message that is not known can be one of log_statement in another language, which lc_messages sets. */
export function canBeForeign({ severity, message, hasContext }: LogEntry): boolean {
  if (!severities.test(severity)) return true;
  // A function can write anything.
  return severity === "LOG" && !hasContext && labelled.test(message) && !plan.test(message);
}
