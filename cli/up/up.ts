import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { StackFileCopy } from "../../config/stack-file.ts";
import { switches } from "../../model/switches.ts";
import { selectedStack, showPulumi } from "../pulumi/pulumi.ts";
import { type Fingerprint, fingerprintOf, fingerprintSchema, moved, nameOf } from "../review/fingerprint.ts";
import type { Preview } from "../review/preview.ts";
import { runPreview, stackArgs } from "../review/run-preview.ts";
import { UsageError } from "../terminal/command.ts";

export interface UpOptions {
  /** File. */
  reviewed: string;
  yes?: boolean;
  /** Folders. */
  policyPack?: string[];
  /** Files. */
  policyPackConfig?: string[];
  quiet?: boolean;
  stack?: string;
}

/** Applies a reviewed change. Resolves with the exit code: 1 if something moved since, or the up failed. */
export async function up({ reviewed: path, yes, stack: given, ...policies }: UpOptions): Promise<number> {
  if (!yes && !process.stdin.isTTY) throw new UsageError("without a terminal, up needs --yes");
  const reviewed = await readFingerprint(path);
  const stack = given ?? (await selectedStack());
  if (reviewed.stack !== nameOf(stack)) {
    throw new Error(`${path} is a review of the stack ${reviewed.stack}, not of ${stack}: name it with --stack`);
  }
  const config = await StackFileCopy.exact(stack);
  const folder = await mkdtemp(join(tmpdir(), "app-roles-reviewed-"));
  try {
    const options = { stack, ...policies, configFile: config.file };
    const preview = await runPreview(options);
    const problems = refusals(preview);
    if (problems.length > 0) {
      return refuse(`The preview of ${stack} fails, so nothing was changed`, problems);
    }
    const differences = moved(reviewed, await fingerprintOf(stack, preview, config.file, policies.policyPack));
    if (differences.length > 0) {
      return refuse(`${stack} is not as reviewed, so nothing was changed. Run app-roles review again`, differences);
    }
    if (!yes && !(await agreed(stack, reviewed))) return 1;
    const plans = join(folder, "reviewed.json");
    await writeFile(plans, JSON.stringify(reviewed), { mode: 0o600 });
    const args = ["up", "--yes", "--skip-preview", ...stackArgs(options)];
    return (await showPulumi(args, { [switches.reviewed]: plans })) === 0 ? 0 : 1;
  } finally {
    await config.remove();
    await rm(folder, { recursive: true, force: true });
  }
}

async function readFingerprint(path: string): Promise<Fingerprint> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new Error(`cannot read ${path}: ${error.code}`);
  });
  try {
    return fingerprintSchema.parse(JSON.parse(text));
  } catch {
    throw new Error(
      `${path} is not a file of app-roles review --save, or of another version: run app-roles review again`,
    );
  }
}

function refusals({ errors, violations }: Preview): string[] {
  const mandatory = violations.filter(({ isMandatory }) => isMandatory);
  return [...errors, ...mandatory.map(({ policy, message }) => `${policy}: ${message}`)];
}

function refuse(what: string, lines: string[]): number {
  console.error(`${what}:\n${lines.map((line) => `  ${line.replaceAll("\n", "\n  ")}`).join("\n")}`);
  return 1;
}

async function agreed(stack: string, { resources }: Fingerprint): Promise<boolean> {
  const count = Object.keys(resources).length;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const question = `${stack} is as reviewed: ${count} ${count === 1 ? "resource changes" : "resources change"}. Apply? (yes/no) `;
    return (await terminal.question(question)).trim() === "yes";
  } finally {
    terminal.close();
  }
}
