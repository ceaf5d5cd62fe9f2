import { run } from "../process.ts";

/** The compose that is installed here, as the command to run it, the newer first; undefined when there is none. */
export async function findCompose(): Promise<string[] | undefined> {
  for (const command of [["docker", "compose"], ["docker-compose"]]) {
    const [executable = "", ...args] = command;
    const { code } = await run(executable, [...args, "version"]).catch(() => ({ code: 1 }));
    if (code === 0) return command;
  }
  return undefined;
}
