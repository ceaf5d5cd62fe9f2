import { open } from "node:fs/promises";
import { writeFileAtomically } from "../../provider/write-file.ts";
import { auditSubject } from "../audit/audit.ts";
import type { ExaminationOptions } from "../audit/examination.ts";
import { findSubject, type Subject } from "../audit/subject.ts";
import { verdict } from "../audit/text.ts";
import { isLostConnection, lostConnection } from "../postgres/lost-connection.ts";
import { ReadOnlyServer } from "../postgres/read-only-server.ts";
import { UsageError } from "../terminal/command.ts";
import { readSchemaOwners, type SchemaOwners } from "./ownership.ts";
import { marker, reportPage } from "./page.ts";
import { serviceStates } from "./services.ts";

export interface ReportOptions extends ExaminationOptions {
  url?: string | undefined;
  stack?: string;
  /** The file to write. */
  out: string;
  /** Overwrite a file that is not a report. */
  force?: boolean;
  /** Milliseconds; true: until Ctrl-C. */
  watch?: number | true;
  quiet?: boolean;
}

/** Writes the page. Resolves with the exit code. Throws if the server cannot be audited. */
export async function report(options: ReportOptions): Promise<number> {
  if (!options.force) await refuseOther(options.out);
  const subject = await findSubject(options.url, options.stack);
  const audit = await auditSubject(subject, options, false);
  const owners = await readOwners(subject);
  const services = subject.declared ? serviceStates(subject.declared) : [];
  const page = reportPage({ audit, owners, services });
  // For others to read; it holds no secret.
  await writeFileAtomically(options.out, page, { encoding: "utf8", mode: 0o644 }).catch((error: Error) => {
    throw new Error(`cannot write ${options.out}: ${error.message}`);
  });
  if (!options.quiet) console.log(`${options.out}: ${verdict(audit)}`);
  return 0;
}

async function readOwners(subject: Subject): Promise<SchemaOwners[]> {
  const { address, declared } = subject;
  if (!declared) return [];
  const server = new ReadOnlyServer(subject);
  try {
    return await readSchemaOwners(server, declared);
  } catch (error) {
    throw isLostConnection(error) ? lostConnection("reading the owners", address, error) : error;
  } finally {
    await server.close();
  }
}

async function refuseOther(path: string): Promise<void> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw new UsageError(`--out ${path}: ${error.message}`);
  });
  if (!file) return;
  try {
    if (!(await file.stat()).isFile()) throw new UsageError(`--out ${path}: it is not a file`);
    const { bytesRead, buffer } = await file.read(Buffer.alloc(marker.length), 0, marker.length, 0);
    if (buffer.toString("utf8", 0, bytesRead) === marker) return;
  } finally {
    await file.close();
  }
  throw new UsageError(
    `--out ${path}: the file exists and is not a report; choose another one, or overwrite it with --force`,
  );
}
