import { ConnectionError, codeOf, type ServerAddress } from "../../provider/postgres/connection.ts";

/** SQLSTATEs of a server that is full, went away or ended the session, and the operating system's errors. */
const lost = /^(08|53300|57P0[1-5]|ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)/;

/** Whether the server is full, went away or ended the session, so that only a later attempt can succeed. */
export function isLostConnection(error: unknown): boolean {
  const message = error instanceof Error ? error.message : "";
  return (
    lost.test(codeOf(error) ?? "") ||
    // The driver's own errors have no code.
    /Connection terminated|connection is closed|not queryable|timeout expired/i.test(message)
  );
}

/** The error of reading the server, for people; a refused login already says what to do. */
export function readError(doing: string, { host, port }: ServerAddress, error: unknown): Error {
  const { message } = error as Error;
  const code = codeOf(error);
  const reason = error instanceof ConnectionError || code === undefined ? message : `${message} (${code})`;
  return new Error(
    isLostConnection(error) && !(error instanceof ConnectionError)
      ? `${doing}: the server at ${host}:${port} ended the connection: ${reason}. Check that it is up, then run this again`
      : `${doing}: ${reason}`,
    { cause: error },
  );
}
