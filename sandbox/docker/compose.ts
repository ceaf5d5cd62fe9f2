import { run } from "../process.ts";

/** The commands of the installed versions of Docker Compose. */
export async function installedComposes(): Promise<string[][]> {
  const all = [["docker", "compose"], ["docker-compose"]];
  const codes = await Promise.all(
    all.map(async ([command = "", ...args]) => {
      const { code } = await run(command, [...args, "version", "--short"]).catch(() => ({ code: 1 }));
      return code;
    }),
  );
  return all.filter((_, i) => codes[i] === 0);
}
