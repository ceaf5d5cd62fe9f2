/** A line of a service's output, as a JSON object. */
export type ServiceEvent = { service: string; at: string } & (
  | { event: "migrated" }
  /** The pool is full. */
  | { event: "serving"; sessions: number }
  | { event: "request served"; milliseconds: number }
  /** The request failed, after retries if the error was transient. */
  | ({ event: "request failed" } & Failure)
  /** The server or the network refused a login. The service retries it. */
  | ({ event: "refused" } & Failure)
  /** The server ended an idle session. */
  | ({ event: "session lost" } & Failure)
  | ({ event: "migration failed" } & Failure)
  | { event: "stopped"; requests: number; failed: number; refused: number }
);

export interface Failure {
  /** SQLSTATE, or the operating system's code. */
  code: string | undefined;
  message: string;
}

/** Transient errors: too many connections, a server that starts or shuts down, a lost connection. */
const transient = new Set([
  "53300",
  "57P01",
  "57P02",
  "57P03",
  "57P05",
  "08006",
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
]);

/** Whether the connection caused the failure, and not the statement. */
export function isTransient(failure: Failure): boolean {
  return failure.code === undefined ? failure.message.startsWith("Connection terminated") : transient.has(failure.code);
}
