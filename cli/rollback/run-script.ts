import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { force } from "../../provider/rollback-kit/login-check.ts";
import { childEnvironment, type Ended, runChild } from "../../provider/service-env/child.ts";

/** Milliseconds until a script is ended: as long as a deploy may take in an up. */
const patience = 900_000;

/**
 * Runs a script (latin1) that holds secrets: from a file for this user alone, which the script itself removes as it begins, and
 * in a process group of its own, so that a Ctrl-C does not end it half-way. It tries no login: that is done before, where it matters.
 */
export async function runScript(text: string): Promise<Ended> {
  const folder = await mkdtemp(join(tmpdir(), "app-roles-script-"));
  try {
    const file = join(folder, "script.sh");
    const [first = "", ...rest] = text.split("\n");
    // The shell goes on reading the file that it has open.
    await writeFile(file, [first, 'rm -f -- "$0"', ...rest].join("\n"), { encoding: "latin1", mode: 0o700 });
    const { signal } = new AbortController();
    return await runChild("sh", [file, force], { env: childEnvironment(), timeout: patience, signal });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
