import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { switches } from "../../model/switches.ts";
import { during } from "../terminal/progress.ts";
import { table } from "../terminal/screen.ts";
import { type Phases, phasesOf, type Start } from "./phases.ts";
import { type MeasuredTree, measureTree } from "./process-times.ts";

export interface TimingOptions {
  stack?: string;
  policyPack?: string[];
}

/** Prints the CPU time of a preview by phase. Resolves with the exit code. */
export async function timing({ stack, policyPack = [] }: TimingOptions): Promise<number> {
  if (process.platform !== "linux") throw new Error("this needs Linux: the times of other processes come from /proc");
  const { tree, times } = await during("previewing", () =>
    measurePreview(
      [...(stack === undefined ? [] : ["--stack", stack]), ...policyPack.flatMap((pack) => ["--policy-pack", pack])],
      { env: process.env },
    ),
  );
  if (tree.code !== 0) {
    console.error(tree.output);
    console.error(`the preview ended with exit code ${tree.code}`);
    return 1;
  }
  console.log(`The preview took ${tree.wall.toFixed(1)} s and ${tree.cpu.toFixed(2)} s of CPU time:`);
  console.log(
    table(Object.entries(times).map(([phase, time]) => [phase, `${time.toFixed(2)} s`, share(time, tree.cpu)])),
  );
  return 0;
}

function share(time: number, all: number): string {
  return `${Math.round((100 * time) / all)} %`.padStart(5);
}

/** Runs a preview with further arguments, and splits its times. */
export async function measurePreview(
  args: string[],
  { env, ...options }: { env: NodeJS.ProcessEnv; cwd?: string },
): Promise<{ tree: MeasuredTree; times: Phases }> {
  const dir = await mkdtemp(join(tmpdir(), "app-roles-timing-"));
  const file = join(dir, "starts");
  try {
    const tree = await measureTree(["pulumi", "preview", "--non-interactive", ...args], {
      ...options,
      env: { ...env, [switches.timing]: file },
    });
    const starts = (await readFile(file, "utf8").catch(() => "")).split("\n").filter(Boolean);
    return {
      tree,
      times: phasesOf(
        tree,
        starts.map((line) => JSON.parse(line) as Start),
      ),
    };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
