import { spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { SemVer } from "semver";
import { exitCode } from "../process.ts";

/** Reports progress to the user. */
export type Tell = (line: string) => void;

const COMMAND = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi";
const VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version";
const PROGRESS_MILLISECONDS = 5_000;

/**
 * Builds the CLI from its Go module into `root`/bin and reports progress every few seconds.
 * Returns false if Go is not on the PATH.
 *
 * @throws with the last lines of Go's output if the build fails
 */
export async function build(root: string, version: SemVer, env: NodeJS.ProcessEnv, tell: Tell): Promise<boolean> {
  const bin = join(root, "bin");
  await mkdir(bin);
  const start = Date.now();
  let downloaded = 0;
  let compiled = 0;
  const said: string[] = [];
  const seconds = (): number => Math.round((Date.now() - start) / 1000);

  // Without a version the engine treats itself as a development build.
  const go = spawn(
    "go",
    [
      "build",
      "-v",
      "-buildvcs=false",
      "-ldflags",
      `-s -w -X ${VERSION_VARIABLE}=v${version}`,
      "-o",
      join(bin, "pulumi"),
      COMMAND,
    ],
    {
      cwd: fileURLToPath(new URL(".", import.meta.url)),
      env: { ...env, CGO_ENABLED: "0", GOWORK: "off" },
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  createInterface({ input: go.stderr }).on("line", (line) => {
    said.push(line);
    if (line.startsWith("go: downloading ")) downloaded++;
    else compiled++;
  });
  const started = new Promise<boolean>((resolve, reject) => {
    go.once("spawn", () => resolve(true));
    go.once("error", (error: NodeJS.ErrnoException) => (error.code === "ENOENT" ? resolve(false) : reject(error)));
  });
  const ended = new Promise<number>((resolve) => {
    go.once("close", (code, signal) => resolve(exitCode(code, signal)));
  });
  if (!(await started)) return false;

  tell(`building Pulumi ${version} from its Go module: this takes a few minutes, once`);
  const progress = setInterval(
    () => tell(`${seconds()} s: ${downloaded} modules downloaded, ${compiled} packages compiled`),
    PROGRESS_MILLISECONDS,
  );
  const code = await ended.finally(() => clearInterval(progress));
  if (code !== 0) throw new Error(`go build of ${COMMAND} failed (exit code ${code}):\n${said.slice(-20).join("\n")}`);
  tell(`built in ${seconds()} s`);
  return true;
}
