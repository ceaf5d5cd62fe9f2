import { open } from "node:fs/promises";
import { writeFileAtomically } from "../../provider/write-file.ts";
import { auditSubject } from "../audit/audit.ts";
import { outcomes } from "../audit/document.ts";
import type { ExaminationOptions } from "../audit/examination.ts";
import { findSubject, type Subject } from "../audit/subject.ts";
import { verdict } from "../audit/text.ts";
import { readError } from "../postgres/lost-connection.ts";
import { ReadOnlyServer } from "../postgres/read-only-server.ts";
import { UsageError } from "../terminal/command.ts";
import { readSchemaOwners, type SchemaOwners } from "./ownership.ts";
import { marker, type Report, reportPage } from "./page.ts";
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

/**
 * Writes the page. Resolves with the exit code: 0, or 2 if the server could not be read, which leaves the previous file. Throws if
 * the file cannot be written.
 */
export async function report(options: ReportOptions): Promise<number> {
  if (!options.force) await refuseOther(options.out);
  const read = await readReport(options).catch((error: unknown) => {
    if (error instanceof UsageError) throw error;
    console.error(`app-roles report: could not check: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  });
  if (!read) return outcomes.error;
  // For others to read; it holds no secret.
  await writeFileAtomically(options.out, reportPage(read), { encoding: "utf8", mode: 0o644 }).catch((error: Error) => {
    throw new Error(`cannot write ${options.out}: ${error.message}`);
  });
  if (!options.quiet) console.log(`${options.out}: ${verdict(read.audit)}`);
  return 0;
}

async function readReport(options: ReportOptions): Promise<Report> {
  const subject = await findSubject(options.url, options.stack);
  const audit = await auditSubject(subject, options, false);
  const owners = await readOwners(subject);
  return { audit, owners, services: subject.declared ? serviceStates(subject.declared) : [] };
}

async function readOwners(subject: Subject): Promise<SchemaOwners[]> {
  const { address, declared } = subject;
  if (!declared) return [];
  const server = new ReadOnlyServer(subject);
  try {
    return await readSchemaOwners(server, declared);
  } catch (error) {
    throw readError("reading the owners of objects", address, error);
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
