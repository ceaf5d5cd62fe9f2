/** What a service prints, one JSON object a line. */
export type ServiceEvent = { service: string; at: string } & (
  | { event: "migrated" }
  /** The pool holds all its sessions. */
  | { event: "serving"; sessions: number }
  | { event: "request served"; milliseconds: number }
  /** Given up after its retries. */
  | ({ event: "request failed" } & Failure)
  /** A login the server or the network refused; it is tried again. */
  | ({ event: "refused" } & Failure)
  /** An idle session the server ended. */
  | ({ event: "session lost" } & Failure)
  | ({ event: "migration failed" } & Failure)
  | { event: "stopped"; requests: number; failed: number; refused: number }
);

export interface Failure {
  /** SQLSTATE, or the operating system's code. */
  code: string | undefined;
  message: string;
}

/** The codes after which a new login is worth a try: too many connections, a server that ends sessions or starts, a broken line. */
const passing = new Set(["53300", "57P01", "57P02", "57P03", "57P05", "08006", "ECONNREFUSED", "ECONNRESET", "EPIPE"]);

/** Whether the failure lies with the connection and not with what was asked. */
export function isPassing(failure: Failure): boolean {
  return failure.code === undefined ? failure.message.startsWith("Connection terminated") : passing.has(failure.code);
}
