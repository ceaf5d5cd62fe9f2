import { ConnectionError } from "../../provider/postgres/connection.ts";
import type { NamedBy } from "./named-server.ts";

type Problem = "password" | "database" | "address" | "TLS" | "certificate" | "other";

const nextSteps: Record<Exclude<NamedBy, "stack">, Record<Problem, string>> = {
  URL: {
    password: "Check the password: in the URL or, so that no process list shows it, in PGPASSWORD or ~/.pgpass.",
    database: "Check the database in the URL; postgres exists on most servers.",
    address: "Check host and port in the URL, and that the server is up.",
    TLS: "If the network is trusted, add ?sslmode=disable to the URL.",
    certificate: "Name the file with the certificate of the server's authority (PEM) as sslrootcert in the URL.",
    other: "Check the URL and that the server is up.",
  },
  environment: {
    password: "Check PGPASSWORD or ~/.pgpass.",
    database: "Check PGDATABASE; postgres exists on most servers.",
    address: "Check PGHOST and PGPORT, and that the server is up.",
    TLS: "If the network is trusted, set PGSSLMODE=disable.",
    certificate: "Name the file with the certificate of the server's authority (PEM) in PGSSLROOTCERT.",
    other: "Check PGHOST, PGPORT, PGUSER, and that the server is up.",
  },
};

/** The error of a login with the next step for what the person gave; that of a stack's server is unchanged. */
export function explainLogin(error: unknown, namedBy: NamedBy): unknown {
  if (!(error instanceof ConnectionError) || namedBy === "stack") return error;
  const problem = problemOf(error);
  return problem === undefined ? error : new ConnectionError(error.reason, error.code, nextSteps[namedBy][problem]);
}

/** Undefined: the next step is the same, whatever names the server. */
function problemOf({ code = "", reason, next }: ConnectionError): Problem | undefined {
  if (code === "28P01" || /there is none$/.test(reason)) return "password";
  if (code === "3D000") return "database";
  if (/^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT)$/.test(code) || /timeout expired/.test(reason)) return "address";
  if (/does not support SSL/.test(reason)) return "TLS";
  if (/sslrootcert/.test(next)) return "certificate";
  return /app-roles:/.test(next) ? "other" : undefined;
}
